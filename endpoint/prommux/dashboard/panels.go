package main

// row is a row of panels.
type row struct {
	title  string
	panels []panel
}

// panel is one graph.
type panel struct {
	title string
	about string // what is to be seen, and when to worry
	unit  string // Grafana's name of it; empty: a number
	lines []line
}

// line is what a panel asks. S stands for the selection by the dashboard's variables, and T
// for the time over which rates are.
type line struct {
	expr, legend string
}

// rows are the whole dashboard.
var rows = []row{
	{"Service: what it is asked", []panel{
		{"Calls", "Calls that ended, by method.", "reqps", []line{
			{`sum by (method) (rate(muxkit_service_calls_total{S}[T]))`, "{{method}}"}}},
		{"Failures of the service", "The share of calls that failed, and not by the caller's doing.", "percentunit", []line{
			{`1 - sum by (method) (rate(muxkit_service_calls_total{error_type="",S}[T])) / sum by (method) (rate(muxkit_service_calls_total{S}[T]))`, "{{method}}"}}},
		{"Answers that are errors", "By code, those included that are the caller's doing.", "reqps", []line{
			{`sum by (code) (rate(muxkit_service_calls_total{code!="OK",S}[T]))`, "{{code}}"}}},
		{"Duration", "From when a call's frame was read to its answer. Of NewCalls, or otelmux.", "s", []line{
			{`histogram_quantile(0.5, sum by (le, rpc_method) (rate(rpc_server_call_duration_seconds_bucket{S}[T])))`, "{{rpc_method}} p50"},
			{`histogram_quantile(0.99, sum by (le, rpc_method) (rate(rpc_server_call_duration_seconds_bucket{S}[T])))`, "{{rpc_method}} p99"}}},
		{"Limits", "How near to its limits the busiest instance is. At 1 it refuses.", "percentunit", []line{
			{`max(muxkit_service_in_flight_calls{S} / muxkit_service_max_in_flight_calls{S})`, "calls in flight"},
			{`max(muxkit_service_open_connections{S} / muxkit_service_max_open_connections{S})`, "connections"},
			{`max(muxkit_service_used_bytes{S} / muxkit_service_max_bytes{S})`, "memory"},
			{`max(muxkit_service_waiting_calls{S} / muxkit_service_max_waiting_calls{S})`, "calls that wait for a worker"}}},
		{"Refused", "Calls that were not run, and connections that were not accepted, by the limit or reason.", "reqps", []line{
			{`sum by (reason) (rate(muxkit_service_refused_total{S}[T]))`, "{{reason}}"}}},
		{"Ready", "1 while an instance says that it takes calls.", "", []line{
			{`min by (job, instance) (muxkit_service_serving{S})`, "{{job}} {{instance}}"}}},
	}},
	{"Clients: what it asks of others", []panel{
		{"Calls", "Calls that ended, with all their attempts, by service.", "reqps", []line{
			{`sum by (server_address) (rate(rpc_client_call_duration_seconds_count{S}[T]))`, "{{server_address}}"}}},
		{"Failures of calls", "The share of calls that failed after all attempts.", "percentunit", []line{
			{`1 - sum by (server_address) (rate(rpc_client_call_duration_seconds_count{error_type="",S}[T])) / sum by (server_address) (rate(rpc_client_call_duration_seconds_count{S}[T]))`, "{{server_address}}"}}},
		{"Duration of calls", "With all attempts, and what they waited.", "s", []line{
			{`histogram_quantile(0.5, sum by (le, server_address) (rate(rpc_client_call_duration_seconds_bucket{S}[T])))`, "{{server_address}} p50"},
			{`histogram_quantile(0.99, sum by (le, server_address) (rate(rpc_client_call_duration_seconds_bucket{S}[T])))`, "{{server_address}} p99"}}},
		{"Attempts of a call", "1 as long as nothing is tried again or hedged.", "", []line{
			{`sum by (server_address) (rate(muxkit_client_attempt_duration_seconds_count{S}[T])) / sum by (server_address) (rate(rpc_client_call_duration_seconds_count{S}[T]))`, "{{server_address}}"}}},
		{"Budget of retries", "What is left of it. At 0 calls fail that could have been tried again.", "percentunit", []line{
			{`min by (service) (muxkit_set_budget_left{S} / muxkit_set_budget_max{S})`, "{{service}}"}}},
		{"Retries", "Those that were made of the budget, and those that it refused.", "reqps", []line{
			{`sum by (service) (rate(muxkit_set_budget_spent_total{S}[T]))`, "{{service}} made"},
			{`sum by (service) (rate(muxkit_set_budget_refused_total{S}[T]))`, "{{service}} refused"}}},
		{"Calls that wait for a node", "No node takes calls; they fail when their time is over.", "", []line{
			{`sum by (service) (muxkit_set_waiting_calls{S})`, "{{service}}"}}},
	}},
	{"Nodes: who takes calls", []panel{
		{"Nodes", "Nodes that discovery names, and those that take calls, of the instance that sees the fewest.", "", []line{
			{`min by (service) (muxkit_set_nodes{S})`, "{{service}}"},
			{`min by (service) (muxkit_set_available_nodes{S})`, "{{service}} available"}}},
		{"Ejections", "Times that a breaker opened, by reason.", "", []line{
			{`sum by (service, reason) (increase(muxkit_breaker_ejections_total{S}[T])) > 0`, "{{service}} {{reason}}"}}},
		{"Breakers", "Nodes by the state of their breaker, as all instances see them.", "", []line{
			{`sum by (state) (muxkit_breaker_nodes{S})`, "{{state}}"},
			{`sum(muxkit_breaker_open_methods{S})`, "methods that are out"}}},
		{"Open breakers", "How many instances have a node's breaker open.", "", []line{
			{`sum by (node) (muxkit_breaker_node_state{state="open",S}) > 0`, "{{node}}"}}},
		{"Judged calls", "By what they said of the node, and calls that an open breaker refused.", "reqps", []line{
			{`sum by (kind) (rate(muxkit_breaker_calls_total{S}[T]))`, "{{kind}}"},
			{`sum(rate(muxkit_breaker_not_permitted_calls_total{S}[T]))`, "not permitted"}}},
	}},
	{"Pool: connections", []panel{
		{"Connections", "Of all instances.", "", []line{
			{`sum(muxkit_pool_open_connections{S})`, "open"},
			{`sum(muxkit_pool_in_use_connections{S})`, "in use"},
			{`sum(muxkit_pool_idle_connections{S})`, "idle"},
			{`sum(muxkit_pool_draining_connections{S})`, "draining"}}},
		{"Calls in flight", "By node.", "", []line{
			{`sum by (node) (muxkit_pool_node_in_flight_calls{S})`, "{{node}}"}}},
		{"Calls that wait for a connection", "A call waits when its node has no connection yet, or none with room.", "", []line{
			{`sum(muxkit_pool_waiting_calls{S})`, "waiting"}}},
		{"Time that calls waited for a connection", "Of those that had to, on average.", "s", []line{
			{`sum(rate(muxkit_pool_wait_duration_seconds_total{S}[T])) / sum(rate(muxkit_pool_wait_count_total{S}[T]))`, "mean"}}},
		{"Dials", "Attempts to connect, and those that failed.", "cps", []line{
			{`sum(rate(muxkit_pool_dials_total{S}[T]))`, "dials"},
			{`sum(rate(muxkit_pool_dial_failures_total{S}[T]))`, "failures"}}},
		{"Connections that ended", "By reason.", "cps", []line{
			{`sum by (reason) (rate(muxkit_pool_closed_connections_total{S}[T]))`, "{{reason}}"}}},
		{"How calls ended", "By outcome: late answers, lost connections.", "reqps", []line{
			{`sum by (outcome) (rate(muxkit_pool_calls_total{S}[T]))`, "{{outcome}}"}}},
		{"Network", "Bytes of all connections.", "Bps", []line{
			{`sum(rate(muxkit_pool_read_bytes_total{S}[T]))`, "read"},
			{`sum(rate(muxkit_pool_written_bytes_total{S}[T]))`, "written"}}},
		{"Requests that the kernel has not taken", "A peer reads too slowly.", "bytes", []line{
			{`sum(muxkit_pool_queued_bytes{S})`, "queued"}}},
	}},
}
