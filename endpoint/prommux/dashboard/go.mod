module github.com/muxkit/muxkit/endpoint/prommux/dashboard

go 1.25.0

require (
	github.com/go-kit/kit v0.13.0
	github.com/grafana/grafana-foundation-sdk/go v0.0.22
	github.com/muxkit/muxkit v0.0.0
	github.com/muxkit/muxkit/endpoint/prommux v0.0.0
	github.com/prometheus/client_golang v1.23.2
	go.uber.org/goleak v1.3.0
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-kit/log v0.2.1 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.66.1 // indirect
	github.com/prometheus/procfs v0.16.1 // indirect
	github.com/sony/gobreaker v1.0.0 // indirect
	go.yaml.in/yaml/v2 v2.4.2 // indirect
	golang.org/x/sys v0.35.0 // indirect
	google.golang.org/protobuf v1.36.8 // indirect
)

replace (
	github.com/muxkit/muxkit => ../../..
	github.com/muxkit/muxkit/endpoint/prommux => ..
)
