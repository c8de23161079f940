"""The scripts of `compat/`: established names and flags, said in the words of the commands."""
