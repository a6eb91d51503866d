module github.com/muxkit/muxkit/endpoint/kitauth

go 1.25

require (
	github.com/go-kit/kit v0.13.0
	github.com/golang-jwt/jwt/v4 v4.5.2
	github.com/muxkit/muxkit v0.0.0
)

require (
	github.com/go-kit/log v0.2.1 // indirect
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	github.com/golang/protobuf v1.5.2 // indirect
	github.com/sony/gobreaker v1.0.0 // indirect
	golang.org/x/net v0.0.0-20211216030914-fe4d6282115f // indirect
	golang.org/x/sys v0.0.0-20220823224334-20c2bfdbfe24 // indirect
	golang.org/x/text v0.3.7 // indirect
	google.golang.org/genproto v0.0.0-20210917145530-b395a37504d4 // indirect
	google.golang.org/grpc v1.40.0 // indirect
	google.golang.org/protobuf v1.27.1 // indirect
)

replace github.com/muxkit/muxkit => ../..
