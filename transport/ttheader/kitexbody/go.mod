module github.com/muxkit/muxkit/transport/ttheader/kitexbody

go 1.25

require (
	github.com/cloudwego/gopkg v0.2.0
	github.com/go-kit/kit v0.13.0
	github.com/muxkit/muxkit v0.0.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/bytedance/gopkg v0.1.4 // indirect
	github.com/go-kit/log v0.2.1 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/sony/gobreaker v1.0.0 // indirect
)

replace github.com/muxkit/muxkit => ../../..
