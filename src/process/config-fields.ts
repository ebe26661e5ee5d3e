/**
 * Every field of the configuration with the environment variables that set it, the first one set counts. Where calico-node
 * has a name for a setting, that name works too.
 */
export interface ConfigField {
  /** Path in the file, `fib.table`. */
  readonly field: string;
  readonly variables: readonly string[];
  /** The variable holds several values, separated by commas. */
  readonly list?: true;
  /** The variable holds a name, which is text even where it looks like a number. */
  readonly name?: true;
  /** The variable holds YAML: a list of groups of fields. */
  readonly structured?: true;
}

export const CONFIG_FIELDS: readonly ConfigField[] = [
  { field: 'nodeName', variables: ['STARLING_NODE_NAME', 'NODENAME'], name: true },
  { field: 'routerId', variables: ['STARLING_ROUTER_ID', 'CALICO_ROUTER_ID'] },
  { field: 'ip', variables: ['STARLING_IP', 'IP'] },
  { field: 'ip6', variables: ['STARLING_IP6', 'IP6'] },
  { field: 'ipAutodetectionMethod', variables: ['STARLING_IP_AUTODETECTION_METHOD', 'IP_AUTODETECTION_METHOD'] },
  { field: 'ip6AutodetectionMethod', variables: ['STARLING_IP6_AUTODETECTION_METHOD', 'IP6_AUTODETECTION_METHOD'] },
  { field: 'asNumber', variables: ['STARLING_AS_NUMBER', 'AS'] },
  { field: 'publishNode', variables: ['STARLING_PUBLISH_NODE'] },
  { field: 'disableNodeIpCheck', variables: ['STARLING_DISABLE_NODE_IP_CHECK', 'DISABLE_NODE_IP_CHECK'] },
  { field: 'namespace', variables: ['STARLING_NAMESPACE', 'NAMESPACE'], name: true },
  { field: 'datastore.type', variables: ['STARLING_DATASTORE_TYPE', 'DATASTORE_TYPE'] },
  { field: 'datastore.file.path', variables: ['STARLING_DATASTORE_FILE_PATH'] },
  { field: 'datastore.etcd.endpoints', variables: ['STARLING_ETCD_ENDPOINTS', 'ETCD_ENDPOINTS'], list: true },
  { field: 'datastore.etcd.discoverySrv', variables: ['STARLING_ETCD_DISCOVERY_SRV', 'ETCD_DISCOVERY_SRV'] },
  { field: 'datastore.etcd.keyFile', variables: ['STARLING_ETCD_KEY_FILE', 'ETCD_KEY_FILE'] },
  { field: 'datastore.etcd.certFile', variables: ['STARLING_ETCD_CERT_FILE', 'ETCD_CERT_FILE'] },
  { field: 'datastore.etcd.caFile', variables: ['STARLING_ETCD_CA_FILE', 'ETCD_CA_CERT_FILE'] },
  { field: 'datastore.etcd.username', variables: ['STARLING_ETCD_USERNAME', 'ETCD_USERNAME'], name: true },
  { field: 'datastore.etcd.password', variables: ['STARLING_ETCD_PASSWORD', 'ETCD_PASSWORD'], name: true },
  { field: 'datastore.etcd.passwordFile', variables: ['STARLING_ETCD_PASSWORD_FILE'] },
  { field: 'datastore.etcd.manifestsPath', variables: ['STARLING_ETCD_MANIFESTS_PATH'] },
  { field: 'datastore.kubernetes.kubeconfig', variables: ['STARLING_KUBECONFIG', 'KUBECONFIG'] },
  { field: 'datastore.kubernetes.apiGroup', variables: ['STARLING_API_GROUP', 'CALICO_API_GROUP'] },
  { field: 'datastore.kubernetes.usePodCidr', variables: ['STARLING_USE_POD_CIDR', 'USE_POD_CIDR'] },
  { field: 'datastore.cache', variables: ['STARLING_CACHE'] },
  { field: 'datastore.cacheKeyFile', variables: ['STARLING_CACHE_KEY_FILE'] },
  { field: 'datastore.endpointStatusPath', variables: ['STARLING_ENDPOINT_STATUS_PATH'] },
  { field: 'fib.enabled', variables: ['STARLING_FIB_ENABLED'] },
  { field: 'fib.table', variables: ['STARLING_FIB_TABLE'] },
  { field: 'fib.protocol', variables: ['STARLING_FIB_PROTOCOL'] },
  { field: 'fib.maxPaths', variables: ['STARLING_FIB_MAX_PATHS'] },
  { field: 'fib.metric', variables: ['STARLING_FIB_METRIC'] },
  { field: 'fib.preferredSource.ipv4', variables: ['STARLING_FIB_PREFERRED_SOURCE_IPV4'] },
  { field: 'fib.preferredSource.ipv6', variables: ['STARLING_FIB_PREFERRED_SOURCE_IPV6'] },
  { field: 'fib.rules', variables: ['STARLING_FIB_RULES'], structured: true },
  { field: 'fib.resilientGroups.enabled', variables: ['STARLING_FIB_RESILIENT_GROUPS'] },
  { field: 'fib.resilientGroups.buckets', variables: ['STARLING_FIB_RESILIENT_BUCKETS'] },
  { field: 'fib.resilientGroups.idleTimer', variables: ['STARLING_FIB_RESILIENT_IDLE_TIMER'] },
  { field: 'fib.resilientGroups.unbalancedTimer', variables: ['STARLING_FIB_RESILIENT_UNBALANCED_TIMER'] },
  { field: 'fib.sysctl', variables: ['STARLING_FIB_SYSCTL'] },
  { field: 'fib.workloadInterfaces', variables: ['STARLING_FIB_WORKLOAD_INTERFACES'], list: true },
  { field: 'fib.felix', variables: ['STARLING_FIB_FELIX'] },
  { field: 'peering.guard.enabled', variables: ['STARLING_PEERING_GUARD'] },
  { field: 'peering.guard.maxLossPercent', variables: ['STARLING_PEERING_GUARD_MAX_LOSS_PERCENT'] },
  { field: 'peering.guard.minSessions', variables: ['STARLING_PEERING_GUARD_MIN_SESSIONS'] },
  { field: 'peering.transitionTimeout', variables: ['STARLING_PEERING_TRANSITION_TIMEOUT'] },
  { field: 'services.guard.enabled', variables: ['STARLING_SERVICES_GUARD'] },
  { field: 'services.guard.maxWithdrawPercent', variables: ['STARLING_SERVICES_GUARD_MAX_WITHDRAW_PERCENT'] },
  { field: 'services.guard.minPrefixes', variables: ['STARLING_SERVICES_GUARD_MIN_PREFIXES'] },
  { field: 'services.guard.holdTime', variables: ['STARLING_SERVICES_GUARD_HOLD_TIME'] },
  { field: 'services.withdrawDelay', variables: ['STARLING_SERVICES_WITHDRAW_DELAY'] },
  { field: 'services.loopPrevention', variables: ['STARLING_SERVICES_LOOP_PREVENTION'] },
  { field: 'calicoCompatible', variables: ['STARLING_CALICO_COMPATIBLE'] },
  { field: 'drain.onCordon', variables: ['STARLING_DRAIN_ON_CORDON'] },
  { field: 'drain.onOutOfService', variables: ['STARLING_DRAIN_ON_OUT_OF_SERVICE'] },
  { field: 'drain.onNetworkUnavailable', variables: ['STARLING_DRAIN_ON_NETWORK_UNAVAILABLE'] },
  { field: 'drain.onStop', variables: ['STARLING_DRAIN_ON_STOP'] },
  { field: 'drain.wait', variables: ['STARLING_DRAIN_WAIT'] },
  { field: 'drain.servicesWait', variables: ['STARLING_DRAIN_SERVICES_WAIT'] },
  { field: 'bestPath.alwaysCompareMed', variables: ['STARLING_ALWAYS_COMPARE_MED'] },
  { field: 'bestPath.deterministicMed', variables: ['STARLING_DETERMINISTIC_MED'] },
  { field: 'bestPath.missingMedWorst', variables: ['STARLING_MISSING_MED_WORST'] },
  { field: 'bestPath.compareRouterId', variables: ['STARLING_COMPARE_ROUTER_ID'] },
  { field: 'bestPath.multipathRelax', variables: ['STARLING_MULTIPATH_RELAX'] },
  { field: 'api.socket', variables: ['STARLING_API_SOCKET'] },
  { field: 'api.http', variables: ['STARLING_API_HTTP'] },
  { field: 'api.gobgp', variables: ['STARLING_API_GOBGP'] },
  { field: 'policy.socket', variables: ['STARLING_POLICY_SOCKET'] },
  { field: 'policy.http', variables: ['STARLING_POLICY_HTTP'] },
  { field: 'policy.masquerade', variables: ['STARLING_POLICY_MASQUERADE'] },
  {
    field: 'policy.endpointStatusPathPrefix',
    variables: ['STARLING_POLICY_ENDPOINT_STATUS_PATH_PREFIX', 'FELIX_ENDPOINTSTATUSPATHPREFIX'],
    name: true,
  },
  { field: 'policy.interfacePrefix', variables: ['STARLING_POLICY_INTERFACE_PREFIX', 'FELIX_INTERFACEPREFIX'] },
  {
    field: 'policy.defaultEndpointToHostAction',
    variables: ['STARLING_POLICY_DEFAULT_ENDPOINT_TO_HOST_ACTION', 'FELIX_DEFAULTENDPOINTTOHOSTACTION'],
  },
  {
    field: 'policy.failsafeInboundHostPorts',
    variables: ['STARLING_POLICY_FAILSAFE_INBOUND_HOST_PORTS', 'FELIX_FAILSAFEINBOUNDHOSTPORTS'],
    name: true,
  },
  {
    field: 'policy.failsafeOutboundHostPorts',
    variables: ['STARLING_POLICY_FAILSAFE_OUTBOUND_HOST_PORTS', 'FELIX_FAILSAFEOUTBOUNDHOSTPORTS'],
    name: true,
  },
  {
    field: 'policy.disableConntrackInvalidCheck',
    variables: ['STARLING_POLICY_DISABLE_CONNTRACK_INVALID_CHECK', 'FELIX_DISABLECONNTRACKINVALIDCHECK'],
  },
  { field: 'policy.vxlanPort', variables: ['STARLING_POLICY_VXLAN_PORT', 'FELIX_VXLANPORT'] },
  {
    field: 'policy.allowVXLANPacketsFromWorkloads',
    variables: ['STARLING_POLICY_ALLOW_VXLAN_PACKETS_FROM_WORKLOADS', 'FELIX_ALLOWVXLANPACKETSFROMWORKLOADS'],
  },
  {
    field: 'policy.allowIPIPPacketsFromWorkloads',
    variables: ['STARLING_POLICY_ALLOW_IPIP_PACKETS_FROM_WORKLOADS', 'FELIX_ALLOWIPIPPACKETSFROMWORKLOADS'],
  },
  {
    field: 'policy.workloadSourceSpoofing',
    variables: ['STARLING_POLICY_WORKLOAD_SOURCE_SPOOFING', 'FELIX_WORKLOADSOURCESPOOFING'],
  },
  { field: 'policy.logPrefix', variables: ['STARLING_POLICY_LOG_PREFIX', 'FELIX_LOGPREFIX'], name: true },
  { field: 'policy.metadataAddr', variables: ['STARLING_POLICY_METADATA_ADDR', 'FELIX_METADATAADDR'] },
  { field: 'policy.metadataPort', variables: ['STARLING_POLICY_METADATA_PORT', 'FELIX_METADATAPORT'] },
  {
    field: 'policy.openstackRegion',
    variables: ['STARLING_POLICY_OPENSTACK_REGION', 'FELIX_OPENSTACKREGION'],
    name: true,
  },
  {
    field: 'policy.serviceLoopPrevention',
    variables: ['STARLING_POLICY_SERVICE_LOOP_PREVENTION', 'FELIX_SERVICELOOPPREVENTION'],
  },
  { field: 'log.level', variables: ['STARLING_LOG_LEVEL'] },
  { field: 'log.format', variables: ['STARLING_LOG_FORMAT'] },
];
