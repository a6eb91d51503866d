// Package interop has no code: its tests run dnssd against the real CoreDNS, in processes of its own that are killed,
// stopped and started again, and whose zone file changes. It is a module by itself so that nobody who requires dnssd
// has CoreDNS among his modules.
package interop
