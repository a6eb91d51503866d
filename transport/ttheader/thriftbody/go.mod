module github.com/muxkit/muxkit/transport/ttheader/thriftbody

go 1.26

require (
	github.com/apache/thrift v0.25.0
	github.com/go-kit/kit v0.13.0
	github.com/muxkit/muxkit v0.0.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/go-kit/log v0.2.1 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/sony/gobreaker v1.0.0 // indirect
)

replace github.com/muxkit/muxkit => ../../..
