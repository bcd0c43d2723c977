# Version 1 has a tree of groups for each kind of limit. Make a group in two of them, and
# links to their files under the names that version 2 has.
memory=$top/memory/$name
pids=$top/pids/$name
mkdir -p $memory $pids $group
ln -sf $memory/memory.limit_in_bytes $group/memory.max
ln -sf $memory/memory.oom_control $group/memory.events
ln -sf $memory/memory.swappiness $group/memory.swap.max
ln -sf $memory/cgroup.procs $group/memory.procs
ln -sf $pids/pids.max $pids/pids.current $pids/cgroup.procs $group
remove_group() { rm -r $group; rmdir $memory $pids; }
