module github.com/muxkit/muxkit/transport/trpc/interop

go 1.25

require (
	github.com/muxkit/muxkit v0.0.0
	go.uber.org/goleak v1.3.0
	google.golang.org/protobuf v1.33.0
	trpc.group/trpc-go/trpc-go v1.0.3
	trpc.group/trpc/trpc-protocol/pb/go/trpc v1.0.0
)

replace github.com/muxkit/muxkit => ../../..
