#!/bin/sh
# Start Redis without root's rights, and without its protected mode; any other command as it is.
set -eu

# Flags alone are for redis-server.
case ${1:-} in -*) set -- redis-server "$@" ;; esac

if [ "$1" = redis-server ]; then
    if [ "$(id -u)" = 0 ]; then
        find . ! -user redis -exec chown redis '{}' +
        exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
    fi
    set -- "$@" --protected-mode no
fi
exec "$@"
