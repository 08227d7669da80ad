"""What one column over many files is: values made equal, differences said."""
