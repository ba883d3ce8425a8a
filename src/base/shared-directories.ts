/** Directories that belong to the system or to everybody. */
export const SHARED_DIRECTORIES: ReadonlySet<string> = new Set(
  '/ /bin /boot /dev /dev/shm /etc /home /lib /lib64 /opt /private/tmp /proc /root /run /run/lock /sbin /srv /sys /tmp /usr /usr/local /var /var/lib /var/run /var/tmp'.split(
    ' ',
  ),
);
