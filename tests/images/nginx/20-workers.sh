#!/bin/sh
# Say how many processes nginx will start.
set -eu

echo "$0: one worker for each of $(nproc) processors"
