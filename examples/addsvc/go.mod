module github.com/muxkit/muxkit/examples/addsvc

go 1.25.0

require (
	github.com/go-kit/kit v0.13.0
	github.com/go-kit/log v0.2.1
	github.com/muxkit/muxkit v0.0.0
	github.com/muxkit/muxkit/transport/grpcstatus v0.0.0
	github.com/muxkit/muxkit/transport/protobuf v0.0.0
	go.uber.org/goleak v1.3.0
	google.golang.org/grpc v1.81.1
	google.golang.org/protobuf v1.36.11
)

require (
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/sony/gobreaker v1.0.0 // indirect
	golang.org/x/net v0.51.0 // indirect
	golang.org/x/sys v0.42.0 // indirect
	golang.org/x/text v0.34.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260226221140-a57be14db171 // indirect
)

replace (
	github.com/muxkit/muxkit => ../..
	github.com/muxkit/muxkit/transport/grpcstatus => ../../transport/grpcstatus
	github.com/muxkit/muxkit/transport/protobuf => ../../transport/protobuf
)
