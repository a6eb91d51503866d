// Package prommux has Prometheus collect what pools, breakers, Sets and Services of muxkit
// do: one line for all of them,
//
//	registry.MustRegister(prommux.Pool(pool), prommux.Breakers(breakers), prommux.Set(set), prommux.Service(service))
//
// and the registry is served as ever, by promhttp. The figures are those that the parts
// have anyway (Stats, Status): they are read at each scrape, nothing runs between scrapes,
// and a call costs nothing more. How long calls take is known to nobody who does not look at
// each, so that it is asked for where the calls are:
//
//	calls := prommux.NewCalls()
//	set := muxendpoint.NewSet(instancer, logger, calls.Client("stock"))
//	service := muxtransport.NewService(native.Protocol{}, calls.Server())
//	registry.MustRegister(calls)
//
// Its metrics have the names and labels that those of package otelmux have behind
// OpenTelemetry's exporter for Prometheus: who has that needs no Calls.
//
// Names are those that operators know from elsewhere, after muxkit: open, in use and idle
// connections, wait_count and wait_duration_seconds of go_sql, the states and kinds of
// resilience4j_circuitbreaker. docs/telemetry.md lists all of them. Of several pools, or
// Services, in one registry each needs a label of its own (WithLabels); Sets have their names
// (muxendpoint.WithService).
//
// # Cardinality
//
// Nodes are labels of gauges only, whose series end when a node is gone, and of no more than
// WithMaxNodes nodes: the others are summed up as _other. A node that has a series keeps it
// for as long as it is there. Methods are those that this program has, others are _OTHER;
// codes and reasons are enumerated. What is no UTF-8, or does not print, is quoted, and all
// texts are bounded.
//
// The folder dashboard has a dashboard for Grafana, and rules for alerts, over these metrics.
package prommux
