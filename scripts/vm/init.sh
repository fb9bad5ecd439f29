#!/bin/busybox sh
# The guest's first and only process: runs /command in /vm. The kernel's messages have the first serial
# port, the program's output the second; the third sends what the program left in /out, with its status.
export PATH=/bin HOME=/tmp NO_COLOR=1
/bin/busybox mkdir -p /proc /sys /dev /tmp /out /vm
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
stty -F /dev/ttyS1 raw -echo
stty -F /dev/ttyS2 raw -echo
cd /vm
sh /command </dev/null >/dev/ttyS1 2>&1
echo $? >/out/status
tar -c -C /out . >/dev/ttyS2
poweroff -f
