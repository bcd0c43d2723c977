"""The part that talks to Docker: connecting, images, containers, terminals, cleaning up."""
