"""What the scripts of Spark jobs have in common. It goes to Spark as an archive beside the script (`--py-files`)."""
