"""What is to be made of each dataset, and whether anything of it has moved."""
