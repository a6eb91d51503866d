package dnsmsg

import (
	"fmt"

	"github.com/muxkit/muxkit/transport"
)

// Response codes: RFC 1035, section 4.1.1, and RFC 2136, section 2.2.
const (
	rcodeNone = iota
	rcodeFormat
	rcodeFailure
	rcodeNoName
	rcodeNotImplemented
	rcodeRefused
	rcodeNameIs
	rcodeSetIs
	rcodeSetIsNot
	rcodeNotAuthority
	rcodeNotZone
)

// rcodes are the codes that have a name, and what each means to a caller.
var rcodes = [16]struct {
	name string
	code transport.Code
}{
	rcodeFormat:         {"FORMERR", transport.CodeInvalidArgument},
	rcodeFailure:        {"SERVFAIL", transport.CodeInternal},
	rcodeNoName:         {"NXDOMAIN", transport.CodeNotFound}, // of a Service; a Client takes it for an answer
	rcodeNotImplemented: {"NOTIMP", transport.CodeUnimplemented},
	rcodeRefused:        {"REFUSED", transport.CodePermissionDenied},
	rcodeNameIs:         {"YXDOMAIN", transport.CodeFailedPrecondition},
	rcodeSetIs:          {"YXRRSET", transport.CodeFailedPrecondition},
	rcodeSetIsNot:       {"NXRRSET", transport.CodeFailedPrecondition},
	rcodeNotAuthority:   {"NOTAUTH", transport.CodePermissionDenied},
	rcodeNotZone:        {"NOTZONE", transport.CodeInvalidArgument},
}

func nameOf(rcode int) string {
	if name := rcodes[rcode].name; name != "" {
		return name
	}
	return fmt.Sprintf("RCODE%d", rcode)
}

func codeOf(rcode int) transport.Code {
	if code := rcodes[rcode].code; code != 0 {
		return code
	}
	return transport.CodeUnknown
}

// rcodeOf is the response code that a Service answers an error with.
func rcodeOf(e *transport.Error) int {
	switch {
	case e.Code == transport.CodeBusiness && 0 < e.Status && e.Status < len(rcodes):
		return e.Status
	case e.Code == transport.CodeUnauthenticated:
		return rcodeRefused
	}
	for rcode, r := range rcodes { // the first that means it
		if r.code == e.Code && r.name != "" {
			return rcode
		}
	}
	return rcodeFailure
}
