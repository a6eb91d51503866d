package interop

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	trpc "trpc.group/trpc-go/trpc-go"
	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	trpcpb "trpc.group/trpc/trpc-protocol/pb/go/trpc"
)

var update = flag.Bool("update", false, "write the golden frames instead of comparing them")

// golden are frames as trpc-go's own codecs make them. The tests of transport/trpc
// read the files, since its module has no trpc-go.
var golden = map[string]func(t *testing.T) []byte{
	"request":          func(t *testing.T) []byte { return requestOf(t, nil) },
	"request-oneway":   func(t *testing.T) []byte { return requestOf(t, oneWay) },
	"request-metadata": func(t *testing.T) []byte { return requestOf(t, metadata) },
	"request-dyeing":   func(t *testing.T) []byte { return requestOf(t, dyeing) },

	"response":          func(t *testing.T) []byte { return responseOf(t, requestOf(t, nil), nil) },
	"response-metadata": func(t *testing.T) []byte { return responseOf(t, requestOf(t, metadata), nil) },
	"response-dyeing":   func(t *testing.T) []byte { return responseOf(t, requestOf(t, dyeing), nil) },
	"response-no-func": func(t *testing.T) []byte {
		return responseOf(t, requestOf(t, nil), errs.NewFrameError(errs.RetServerNoFunc, "no such func"))
	},
	"response-business": func(t *testing.T) []byte {
		return responseOf(t, requestOf(t, nil), errs.New(10007, "not enough on the account"))
	},
	"response-business-negative": func(t *testing.T) []byte {
		return responseOf(t, requestOf(t, nil), errs.New(-3, "minus three"))
	},
	"response-bad-head": func(t *testing.T) []byte {
		request := requestOf(t, nil)
		request[16] = 0xff // field 31 of a reserved wire type
		return responseOf(t, request, nil)
	},
	"stream-init": streamInit,
}

func oneWay(m codec.Msg) { m.WithCallType(codec.SendOnly) }

func metadata(m codec.Msg) {
	m.WithClientMetaData(codec.MetaData{"trace": []byte("t-\x00\xff")})
}

func dyeing(m codec.Msg) {
	m.WithDyeing(true)
	m.WithSerializationType(codec.SerializationTypeJSON)
}

func TestGoldenFrames(t *testing.T) {
	for name, frame := range golden {
		t.Run(name, func(t *testing.T) {
			got, file := frame(t), filepath.Join("..", "testdata", name+".frame")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("trpc-go makes\n%x\nthe file has\n%x", got, want)
			}
		})
	}
}

// requestOf is the request with id 1 that a new ClientCodec makes.
func requestOf(t *testing.T, change func(codec.Msg)) []byte {
	t.Helper()
	_, msg := codec.WithNewMessage(context.Background())
	msg.WithCallerServiceName("trpc.muxkit.caller.Caller")
	msg.WithCalleeServiceName("muxkit.Interop")
	msg.WithClientRPCName("/muxkit.Interop/Echo")
	msg.WithSerializationType(codec.SerializationTypeNoop)
	msg.WithRequestTimeout(1500 * time.Millisecond)
	if change != nil {
		change(msg)
	}
	frame, err := new(trpc.ClientCodec).Encode(msg, []byte("the body"))
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// responseOf is the answer that a ServerCodec makes to a request.
func responseOf(t *testing.T, request []byte, answer error) []byte {
	t.Helper()
	_, msg := codec.WithNewMessage(context.Background())
	server := new(trpc.ServerCodec)
	body, err := server.Decode(msg, request)
	if err != nil {
		answer = errs.NewFrameError(errs.RetServerDecodeFail, "service codec Decode")
	}
	if answer != nil {
		msg.WithServerRspErr(answer)
		body = nil
	}
	frame, err := server.Encode(msg, body)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func streamInit(t *testing.T) []byte {
	t.Helper()
	_, msg := codec.WithNewMessage(context.Background())
	msg.WithClientRPCName("/muxkit.Interop/Stream")
	msg.WithCallerServiceName("trpc.muxkit.caller.Caller")
	msg.WithFrameHead(&trpc.FrameHead{
		FrameType:       uint8(trpcpb.TrpcDataFrameType_TRPC_STREAM_FRAME),
		StreamFrameType: uint8(trpcpb.TrpcStreamFrameType_TRPC_STREAM_FRAME_INIT),
		StreamID:        100,
	})
	frame, err := trpc.NewClientStreamCodec().Encode(msg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}
