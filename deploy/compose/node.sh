#!/bin/sh
# What is on a node beside the BGP daemon, by the number in its name: its addresses, its pod, and in the place of kube-proxy
# the rules that lead from the addresses of services (services/) to pods.
set -eu
number=${HOSTNAME#node-}
ip address add "10.250.0.$number/32" dev lo
ip address add "10.244.$number.1/32" dev lo
ip -6 address add "fd00:10:244:$number::1/128" dev lo

nft --file - <<RULES
table inet services {
  chain to-pods {
    type nat hook prerouting priority dstnat
    ip daddr 10.251.0.10 dnat ip to 10.244.$number.1
    ip6 daddr fd00:10:251::10 dnat ip6 to fd00:10:244:$number::1
    ip daddr 10.251.0.20 dnat ip to 10.244.3.1
    ip6 daddr fd00:10:251::20 dnat ip6 to fd00:10:244:3::1
  }
  chain and-back {
    type nat hook postrouting priority srcnat
    ct status & dnat == dnat meta nfproto ipv4 snat ip to 10.244.$number.1
    ct status & dnat == dnat meta nfproto ipv6 snat ip6 to fd00:10:244:$number::1
  }
}
RULES

node /opt/starling/pod.mjs &
exec starlingd --config /etc/starling/starlingd.yaml
