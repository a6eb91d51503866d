module github.com/muxkit/muxkit/examples/shop

go 1.25.0

replace (
	github.com/muxkit/muxkit => ../..
	github.com/muxkit/muxkit/endpoint/kitauth => ../../endpoint/kitauth
	github.com/muxkit/muxkit/endpoint/otelmux => ../../endpoint/otelmux
	github.com/muxkit/muxkit/endpoint/prommux => ../../endpoint/prommux
)

require (
	github.com/go-kit/kit v0.13.0
	github.com/golang-jwt/jwt/v4 v4.5.2
	github.com/muxkit/muxkit v0.0.0
	github.com/muxkit/muxkit/endpoint/kitauth v0.0.0
	github.com/muxkit/muxkit/endpoint/otelmux v0.0.0
	github.com/muxkit/muxkit/endpoint/prommux v0.0.0
	github.com/prometheus/client_golang v1.23.2
	go.opentelemetry.io/otel v1.43.0
	go.opentelemetry.io/otel/exporters/stdout/stdouttrace v1.43.0
	go.opentelemetry.io/otel/sdk v1.43.0
	go.opentelemetry.io/otel/trace v1.43.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-kit/log v0.2.1 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.66.1 // indirect
	github.com/prometheus/procfs v0.16.1 // indirect
	github.com/sony/gobreaker v1.0.0 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/metric v1.43.0 // indirect
	go.yaml.in/yaml/v2 v2.4.2 // indirect
	golang.org/x/net v0.51.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.34.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260226221140-a57be14db171 // indirect
	google.golang.org/grpc v1.81.1 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)
