#!/bin/sh
# Run the scripts of /docker-entrypoint.d, telling about each, then the container's command.
set -eu

if [ "$1" = nginx ]; then
    echo "$0: preparing nginx with what is in /docker-entrypoint.d"
    for script in /docker-entrypoint.d/*.sh; do
        echo "$0: now $script"
        "$script"
    done
    echo "$0: ready, starting nginx"
fi
exec "$@"
