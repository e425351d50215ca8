#!/bin/sh
# Runs one sandbox: outside, it waits for the end of MiniStack; inside, it mounts what a function sees.
# sandbox.sh outside|inside BOX LANG RUNTIME RIE PORT API-PORT HANDLER     (arguments: a function sees the environment)
set -e
role=$1
box=$2
if [ "$role" = outside ]; then
    shift
    # MiniStack holds the other end of standard input. However it ends, so does this process group: with
    # unshare goes the first process of the namespace, and with that everybody in it.
    exec 3<&0 </dev/null
    (cat <&3 >/dev/null; kill -KILL -$$) &
    exec 3<&-
    as_root=
    [ "$(id -u)" = 0 ] || as_root=-Ur
    exec unshare $as_root --mount --pid --fork --kill-child sh "$0" inside "$@"
fi
lang=$3 runtime=$4 rie=$5 port=$6 api=$7 handler=$8
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs "$box/var"
mkdir "$box/var/task" "$box/var/runtime" "$box/var/lang" "$box/var/rapid" "$box/var/tmp" "$box/var/none"
touch "$box/var/rapid/aws-lambda-rie"
mount --bind -o ro "$box/task" "$box/var/task"
mount --bind -o ro "$runtime" "$box/var/runtime"
mount --bind -o ro "$lang" "$box/var/lang"
for packages in "$box"/var/lang/lib/python3.*/site-packages; do
    # What this machine's Python has installed is not in Lambda's.
    [ ! -d "$packages" ] || mount --bind -o ro "$box/var/none" "$packages"
done
mount --bind -o ro "$rie" "$box/var/rapid/aws-lambda-rie"
cp "$box/ca.pem" "$box/var/rapid/ca.pem"
mount --bind "$box/hosts" /etc/hosts
mount --bind -o ro "$box/opt" /opt
mount -t tmpfs -o mode=1777 tmpfs "$box/tmp"
# Last, and by way of the working directory, since these may hide the path of the box itself.
cd "$box"
mount --no-canonicalize --rbind var /var
mount --no-canonicalize --rbind tmp /tmp
cd /var/task
exec /var/rapid/aws-lambda-rie --log-level error --runtime-interface-emulator-address "127.0.0.1:$port" \
    --runtime-api-address "127.0.0.1:$api" /var/runtime/bootstrap "$handler"
