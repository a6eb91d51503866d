// Package rpcstatus says how a call ended in the words of OpenTelemetry's semantic
// conventions for RPC, v1.45.0: the values of rpc.status_code and error.type. The modules for
// telemetry share it, so that they count the same calls as failures.
package rpcstatus

import (
	"strings"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Other is the value of what has no name here.
const Other = "_OTHER"

// Of is rpc.status_code: OK, or the code as gRPC writes it, Other for those that have no
// name here. There are 24 of them.
func Of(c verdict.Code) string {
	if c == 0 {
		return "OK"
	}
	name := c.String()
	if strings.HasPrefix(name, "code ") {
		return Other
	}
	return strings.ReplaceAll(strings.ToUpper(name), " ", "_")
}

// Side is whose view of a call is told.
type Side uint8

const (
	Client Side = iota
	Server
)

// Failed reports whether a call that ended with c has failed. The conventions leave that to
// each system, for each side. The business's no is a good answer, and nobody has failed whose
// caller left, or who was overtaken; of the others, all are failures to a client, and to a
// server those that are its own doing.
func (s Side) Failed(c verdict.Code) bool {
	switch {
	case c == 0, c == verdict.CodeBusiness, c == verdict.CodeCanceled:
		return false
	case s == Client, c == verdict.CodeUnimplemented:
		return true
	}
	whose := verdict.ByCode(c).Whose
	return whose == verdict.Method || whose == verdict.Node
}
