#!/bin/bash
# stand-ins.sh DOCKERFILE PROGRAM SWIFT_IMAGE BASE_IMAGE REDIS_IMAGE: public images cannot be pulled here, so images of
# their names are made from Debian's packages. Each base has the packages that DOCKERFILE installs in its stage, and the
# compiler's those that a compiler needs to run; instead of one it has a `swift` that brings PROGRAM, built before,
# whenever it is asked to build it.
# To be run in a mount namespace of its own: what it mounts goes with it.
set -euo pipefail
dockerfile=$1 program=$2 swift_image=$3 base_image=$4 redis_image=$5

packages() { # of the n-th stage that installs any
    sed -n 's/.*apt-get install -y --no-install-recommends \([^\\&]*\).*/\1/p' "$dockerfile" | sed -n "$1p" | xargs
}

import() { # FOLDER IMAGE CHANGE…
    local folder=$1 image=$2 options=()
    shift 2
    for change in "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"; do
        options+=(--change "$change")
    done
    tar -C "$folder" --exclude './var/cache/apt/archives/*.deb' --exclude './var/lib/apt/lists/*' -c . |
        docker import "${options[@]}" - "$image" >/dev/null
}

layer() { # NAME PACKAGE…: a folder with the base and these
    local folder=$work/$1
    shift
    mkdir -p "$folder"/{changes,work,root}
    mount -t overlay overlay -o "lowerdir=$work/base,upperdir=$folder/changes,workdir=$folder/work" "$folder/root"
    chroot "$folder/root" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive chroot "$folder/root" apt-get install -y -qq --no-install-recommends "$@" \
        </dev/null >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; exit 1; }
    echo "$folder/root"
}

# In memory: on a disk, unpacking would wait for it after every package.
work=/mnt
mount -t tmpfs -o size=3g quintet-stand-ins "$work"
runtime=$(packages 2)
debootstrap --variant=minbase --include="${runtime// /,}" bookworm "$work/base" \
    >"$work/log" 2>&1 || { tail -n 20 "$work/log" "$work/base/debootstrap/debootstrap.log" >&2; exit 1; }
import "$work/base" "$base_image"

compiler=$(layer compiler binutils gcc git libc6-dev libncurses6 libsqlite3-0 libstdc++-12-dev libxml2 $(packages 1))
mkdir "$compiler/prebuilt"
cp "$program" "$compiler/prebuilt/quintet"
cat > "$compiler/usr/bin/swift" <<'END'
#!/bin/sh
case "$*" in
    "build -c release --no-color-diagnostics --product quintet")
        mkdir -p .build/release && cp /prebuilt/quintet .build/release/ && touch Package.resolved ;;
    "build -c release --show-bin-path") echo "$PWD/.build/release" ;;
    --version) echo "a stand-in" ;;
    *) echo "swift: this stand-in knows no: swift $*" >&2; exit 1 ;;
esac
END
chmod 755 "$compiler/usr/bin/swift"
import "$compiler" "$swift_image"

redis=$(layer redis redis-server)
# As in the image that it stands for.
chroot "$redis" sh -c 'groupmod -g 999 redis && usermod -u 999 -g 999 redis && install -d -o 999 -g 999 /data'
import "$redis" "$redis_image" "VOLUME /data" "WORKDIR /data"
