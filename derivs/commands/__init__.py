"""What the commands share. Each file is imported by the command that needs it, so that `--help` is quick."""
