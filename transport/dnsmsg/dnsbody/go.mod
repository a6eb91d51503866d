module github.com/muxkit/muxkit/transport/dnsmsg/dnsbody

go 1.25.0

require (
	github.com/go-kit/kit v0.13.0
	github.com/go-kit/log v0.2.1
	github.com/miekg/dns v1.1.73
	github.com/muxkit/muxkit v0.0.0
)

require (
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/sony/gobreaker v1.0.0 // indirect
	github.com/stretchr/testify v1.8.0 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/muxkit/muxkit => ../../..
