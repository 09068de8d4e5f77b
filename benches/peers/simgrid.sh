#!/bin/sh
# An all-to-all through one non-blocking switch in SimGrid and in memwall, one after the other on this machine: flows
# finished per CPU second of each, their ratio, and whether both say that it ends at the same time (to 0.1 %).
#
#   benches/peers/simgrid.sh [RANKS]...     default: 32 64 128. SimGrid needs a minute or more for 128.
#
# Needs a C++ compiler and SimGrid's headers. Where they are missing it installs Debian's libsimgrid-dev, which needs
# root. SimGrid's model is set to plain max-min sharing: CM02 without TCP window (gamma), without cross-traffic, all
# factors 1, no latency. `optim:Full` solves everything at each event and is faster here than its default, `Lazy`,
# for each change reaches most flows; set SIMGRID_OPTIM=Lazy to see the other. CPU seconds are user and system time of
# the whole process, start and platform included, for both.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
peer=$target/peers/simgrid-all-to-all
ours=$target/release/examples/collective

if [ ! -e /usr/include/simgrid/s4u.hpp ] && [ ! -e /usr/local/include/simgrid/s4u.hpp ]; then
    echo "SimGrid is missing; installing libsimgrid-dev"
    apt-get install -y libsimgrid-dev g++ || { echo "cannot install SimGrid: nothing to compare with" >&2; exit 1; }
fi
mkdir -p "$target/peers"
"${CXX:-g++}" -O2 -std=c++17 "$here/simgrid/all_to_all.cpp" -o "$peer" -lsimgrid
cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p memwall-simulator --example collective

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Runs a command; leaves its output in $said and the CPU seconds it took in $spent.
measure() {
    # Not in a pipe: that would count the children of another shell.
    times >"$scratch/before"
    "$@" >"$scratch/said"
    times >"$scratch/after"
    said=$(cat "$scratch/said")
    spent=$(tail -q -n 1 "$scratch/before" "$scratch/after" | awk '
        { gsub(/m/, " "); gsub(/s/, ""); total[NR] = 60 * $1 + $2 + 60 * $3 + $4 }
        END { printf "%.3f", total[2] - total[1] }')
}

status=0
printf '%6s %8s %12s %12s %14s %14s %8s  %s\n' \
    ranks flows 'SimGrid CPU' 'memwall CPU' 'SimGrid fl/s' 'memwall fl/s' ratio 'end of both'
for ranks in ${*:-32 64 128}; do
    measure "$peer" "$ranks" --log=root.threshold:warning --cfg=network/model:CM02 \
        --cfg=network/optim:"${SIMGRID_OPTIM:-Full}" --cfg=network/TCP-gamma:0 --cfg=network/crosstraffic:0 \
        --cfg=network/bandwidth-factor:1 --cfg=network/latency-factor:1 --cfg=network/weight-S:0
    theirs=$said theirs_spent=$spent
    measure "$ours" all-to-all "$ranks"
    printf '%s\n%s\n' "$theirs" "$said" | awk -v ranks="$ranks" -v a="$theirs_spent" -v b="$spent" '
        { flows[NR] = $1; end[NR] = $5 }
        END {
            if (a < 0.001) a = 0.001
            if (b < 0.001) b = 0.001
            off = end[2] / end[1] - 1
            good = flows[1] == flows[2] && off < 0.001 && off > -0.001
            printf "%6d %8d %10.3f s %10.3f s %14.0f %14.0f %8.1f  %s\n", ranks, flows[1], a, b, flows[1] / a,
                flows[2] / b, a / b, good ? "same (" end[2] " s)" : "DIFFERS: " end[1] " and " end[2] " s"
            exit !good
        }' || status=1
done
exit $status
