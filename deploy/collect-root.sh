#!/bin/sh
# collect-root.sh PROGRAM FOLDER: puts into FOLDER what PROGRAM needs to run, and nothing else: no shell, no packages.
set -eu
program=$1
root=$2

mkdir -p "$root/etc/ssl/certs" "$root/usr/bin" "$root/usr/lib/ssl" "$root/tmp"
chmod 1777 "$root/tmp"
cp "$program" "$root/usr/bin/quintet"
for name in market-data-agent strategy-agent risk-management-agent order-execution-agent position-management-agent \
    broker-simulator tradectl; do
    ln -s quintet "$root/usr/bin/$name"
done

# Where volumes with the passwords of Redis' users are mounted: whoever runs as the image's user may fill them.
for user in market-data-agent strategy-agent risk-management-agent order-execution-agent position-management-agent \
    broker-simulator tradectl redis; do
    mkdir -p "$root/access/$user"
    chown 10001:10001 "$root/access/$user"
done

# Every library where the loader looks for it, and which packages they are taken from.
libraries=$(ldd "$program")
dpkg-query --show > "$root/usr/share/quintet/built-from/debian"
case $libraries in
    *"not found"*)
        echo "collect-root: $program lacks libraries:" >&2
        echo "$libraries" | grep "not found" >&2
        exit 1
        ;;
esac
echo "$libraries" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp /etc/ssl/openssl.cnf "$root/etc/ssl/"
ln -s /etc/ssl/openssl.cnf "$root/usr/lib/ssl/openssl.cnf"
ln -s /etc/ssl/certs "$root/usr/lib/ssl/certs"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
echo "hosts: files dns" > "$root/etc/nsswitch.conf"
echo "quintet:x:10001:10001::/:/none" > "$root/etc/passwd"
echo "quintet:x:10001:" > "$root/etc/group"
