"""Commands: thin wrappers that parse arguments, call one function and turn its outcome into an exit code."""
