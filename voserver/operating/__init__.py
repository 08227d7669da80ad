"""The commands of operators: what makes an installation, what runs, what is looked after."""
