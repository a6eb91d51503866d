package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// alert is a rule.
type alert struct {
	name     string
	expr     string
	after    time.Duration // for so long
	severity string        // page: calls are lost; ticket: somebody should look
	summary  string
	todo     string
}

const minute = time.Minute

// alerts are all rules. Which of them page, and the thresholds, are to be fitted to what is
// promised to users.
var alerts = []alert{
	{"MuxkitNoNode", `muxkit_set_available_nodes == 0`, minute / 2, "page",
		"{{ $labels.instance }} has no node of {{ $labels.service }} that takes calls",
		"Calls wait, then fail. Look at discovery (Nodes: does it name any?) and at why breakers are open (Ejections, by reason)."},
	{"MuxkitNodesOut", `muxkit_set_available_nodes < muxkit_set_nodes`, 5 * minute, "ticket",
		"Nodes of {{ $labels.service }} are out, as {{ $labels.instance }} sees it",
		"The others carry their load. Open breakers names the nodes, Ejections the reason: node expelled, reconnect limit and dial failed are the network or a dead process, failure rate and consecutive failures the service."},
	{"MuxkitNodesFlap", `sum by (job) (increase(muxkit_breaker_ejections_total{ejected="node",enforced="true"}[15m])) / sum by (job) (muxkit_breaker_nodes) > 2`, 0, "ticket",
		"Nodes that {{ $labels.job }} calls are ejected again and again",
		"A process that restarts in a loop, a network that comes and goes, or thresholds of breakers that are too low. See Ejections, by reason."},
	{"MuxkitCallsFail", `sum by (job, server_address) (rate(rpc_client_call_duration_seconds_count{error_type!=""}[5m])) / sum by (job, server_address) (rate(rpc_client_call_duration_seconds_count[5m])) > 0.05`, 5 * minute, "page",
		"{{ $value | humanizePercentage }} of the calls of {{ $labels.job }} to {{ $labels.server_address }} fail",
		"After all attempts. Look at the service's own failures first, then at nodes and budget."},
	{"MuxkitCallsSlow", `histogram_quantile(0.99, sum by (job, server_address, le) (rate(rpc_client_call_duration_seconds_bucket[5m]))) > 1`, 10 * minute, "ticket",
		"Calls of {{ $labels.job }} to {{ $labels.server_address }} take {{ $value | humanizeDuration }} (p99)",
		"Compare the duration on the service: if that is short, calls wait, for a node or a connection, or are tried again."},
	{"MuxkitCallsWait", `muxkit_set_waiting_calls > 0`, minute, "ticket",
		"Calls of {{ $labels.instance }} wait for a node of {{ $labels.service }}",
		"All nodes are out, or want to be asked later. As MuxkitNoNode."},
	{"MuxkitBudgetUsedUp", `sum by (job, service) (rate(muxkit_set_budget_refused_total[5m])) > 0`, 5 * minute, "ticket",
		"{{ $labels.job }} may not try calls to {{ $labels.service }} again",
		"So many attempts fail that more would only add load. Look at why they do (Failures of the service); a larger budget cures nothing."},
	{"MuxkitDialsFail", `sum by (job, instance) (rate(muxkit_pool_dial_failures_total[5m])) / sum by (job, instance) (rate(muxkit_pool_dials_total[5m])) > 0.5`, 5 * minute, "ticket",
		"{{ $labels.instance }} cannot connect to nodes",
		"A dead process that discovery still names, a firewall, TLS that does not verify: the pool's events and the Set's log say which."},
	{"MuxkitServiceFails", `sum by (job, method) (rate(muxkit_service_calls_total{error_type!=""}[5m])) / sum by (job, method) (rate(muxkit_service_calls_total[5m])) > 0.05`, 5 * minute, "page",
		"{{ $value | humanizePercentage }} of the calls of {{ $labels.method }} of {{ $labels.job }} fail",
		"By its own doing: answers that are the caller's fault are not in it. Look at its log."},
	{"MuxkitServiceNearLimit", `muxkit_service_in_flight_calls / muxkit_service_max_in_flight_calls > 0.8 or muxkit_service_open_connections / muxkit_service_max_open_connections > 0.8 or muxkit_service_used_bytes / muxkit_service_max_bytes > 0.8`, 5 * minute, "ticket",
		"{{ $labels.instance }} is at {{ $value | humanizePercentage }} of a limit",
		"Limits tells which. Add instances, or find what makes calls slow."},
	{"MuxkitServiceRefuses", `sum by (job, instance, reason) (rate(muxkit_service_refused_total{reason!~"unknown method|invalid|going away"}[5m])) > 0`, 5 * minute, "page",
		"{{ $labels.instance }} refuses calls: {{ $labels.reason }}",
		"A limit is reached. Clients try elsewhere; if all instances are full, calls fail. Add instances."},
	{"MuxkitServiceNotReady", `muxkit_service_serving == 0`, minute, "ticket",
		"{{ $labels.instance }} says that it takes no calls",
		"Somebody has called SetServing, or it drains and does not end: which calls are in flight?"},
}

// times are those of a rule: for how long, and over how long.
var times = regexp.MustCompile(`\[(\d+)m\]`)

// rules makes the file of rules, with all times multiplied by scale, which is for tests.
func rules(scale float64) ([]byte, error) {
	span := func(d time.Duration) string {
		d = time.Duration(float64(d) * scale)
		if d%minute == 0 {
			return fmt.Sprintf("%dm", d/minute)
		}
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	var b bytes.Buffer
	b.WriteString("# Made by endpoint/prommux/dashboard: change it there.\ngroups:\n  - name: muxkit\n    rules:\n")
	for _, a := range alerts {
		expr := times.ReplaceAllStringFunc(a.expr, func(s string) string {
			n, _ := strconv.Atoi(times.FindStringSubmatch(s)[1]) // digits
			return "[" + span(time.Duration(n)*minute) + "]"
		})
		fmt.Fprintf(&b, "      - alert: %s\n        expr: %q\n", a.name, expr)
		if a.after > 0 {
			fmt.Fprintf(&b, "        for: %s\n", span(a.after))
		}
		fmt.Fprintf(&b, "        labels:\n          severity: %s\n        annotations:\n          summary: %q\n          description: %q\n", a.severity, a.summary, a.todo)
	}
	return b.Bytes(), nil
}
