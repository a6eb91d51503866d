// Package interop has no code: its tests show otelmux beside other instrumentation, across
// processes: one trace through muxkit and gRPC (otelgrpc), exported by OTLP, and the names that
// OpenTelemetry's exporter for Prometheus makes of its metrics, which are those of prommux.
package interop
