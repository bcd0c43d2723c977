#!/bin/sh
# Serve with a file of settings; any other command of the registry as it is.
set -eu

case $1 in *.yml | *.yaml) set -- serve "$@" ;; esac
exec registry "$@"
