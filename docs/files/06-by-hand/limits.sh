# Makes the control group $name: the directory $group.
top=/sys/fs/cgroup
group=$top/$name
remove_group() { rmdir $group; }
if [ ! -e $top/cgroup.controllers ]; then
    . ./version1.sh
elif ! echo "+memory +pids" > $top/cgroup.subtree_control 2> /dev/null; then
    # This machine is itself a container: move its processes one group down, then try again.
    mkdir -p $top/init
    for p in $(cat $top/cgroup.procs); do
        echo $p > $top/init/cgroup.procs || true
    done 2> /dev/null
    echo "+memory +pids" > $top/cgroup.subtree_control
fi
mkdir -p $group
# No way out into the swap space
if [ -e $group/memory.swap.max ]; then echo 0 > $group/memory.swap.max; fi
