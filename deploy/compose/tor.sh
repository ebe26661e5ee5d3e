#!/bin/bash
# A switch: gobgpd speaks BGP. It has no routes of the kernel, so what it knows is put there from here, every two seconds: to each
# prefix the next hops of all paths whose AS_PATH is as short as that of the best one.
set -euo pipefail

cat >/run/routes.jq <<'JQ'
def length_of_path: [.attrs[] | select(.type == 2) | .as_paths[].num] | add // 0;
def next_hop: .attrs[] | select(.type == 3 or .type == 14) | .nexthop;
to_entries[]
| (.value | map(length_of_path) | min) as $shortest
| .key + " " + (.value | map(select(length_of_path == $shortest) | "nexthop via " + next_hop) | sort | join(" "))
JQ

# The kernel's routes of family 4 or 6.
synchronise() {
  wanted=/run/wanted-$1 had=/run/had-$1
  gobgp --json global rib --address-family "ipv$1" | jq --raw-output --from-file /run/routes.jq | sort >"$wanted" || return 0
  cmp --silent "$wanted" "$had" && return
  join -v 1 "$had" "$wanted" | while read -r prefix _; do ip "-$1" route delete "$prefix" proto bgp; done
  while read -r prefix next_hops; do
    # shellcheck disable=SC2086 # words
    ip "-$1" route replace "$prefix" proto bgp $next_hops
  done <"$wanted"
  mv "$wanted" "$had"
}

gobgpd --log-plain --pprof-disable --config-file /etc/gobgpd.toml &
gobgpd=$!
trap 'kill "$gobgpd"' TERM
touch /run/had-4 /run/had-6
while kill -0 "$gobgpd" 2>/dev/null; do
  synchronise 4
  synchronise 6
  sleep 2 &
  wait $! || true
done
