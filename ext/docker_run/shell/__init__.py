"""How a shell would read a command line: words, continued lines, invoked programs. Pure."""
