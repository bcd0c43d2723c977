"""The grammar of `docker run`: a line of text becomes the settings of a container. Pure."""
