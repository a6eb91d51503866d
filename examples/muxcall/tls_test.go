package main

import (
	"testing"

	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestTLS(t *testing.T) {
	ca, caFile := authority(t)
	_, otherFile := authority(t)
	certFile, keyFile := pair(t, ca, "127.0.0.1")
	open := serve(t, native.Protocol{}, transport.ServiceTLSFiles(certFile, keyFile, ""))
	mutual := serve(t, native.Protocol{}, transport.ServiceTLSFiles(certFile, keyFile, caFile))
	plain := serve(t, native.Protocol{})

	command(t, "", "-ca", caFile, open.address, "Echo").check(t, exitOK, "{}\n")
	command(t, "", "-ca", caFile, "-cert", certFile, "-key", keyFile, mutual.address, "Echo").check(t, exitOK, "{}\n")
	command(t, "", "health", "-ca", caFile, open.address).check(t, exitOK, "serving\n")
	command(t, "", "-insecure", open.address, "Echo").check(t, exitOK, "{}\n", "WARNING: -insecure")
	for _, bad := range [][]string{
		{"-tls", open.address, "Echo"},
		{"-ca", otherFile, open.address, "Echo"},
		{"-ca", caFile, "-servername=elsewhere", open.address, "Echo"},
	} {
		command(t, "", bad...).check(t, exitUnsent, "", "tls: failed to verify certificate", "sent    no:")
	}
	for _, bad := range [][]string{ // a flag of TLS never falls back to plaintext
		{"-tls", plain.address, "Echo"},
		{"-servername=127.0.0.1", plain.address, "Echo"},
		{open.address, "Echo"},
	} {
		if r := command(t, "", bad...); r.code == exitOK {
			t.Errorf("%v: %+v", bad, r)
		}
	}
	if r := command(t, "", "-ca", caFile, mutual.address, "Echo"); r.code == exitOK {
		t.Errorf("without a certificate: %+v", r)
	}
	if got := plain.calls.Load(); got != 0 {
		t.Errorf("%d calls went out in plaintext", got)
	}
}

func authority(t *testing.T) (_ *muxtest.Authority, caFile string) {
	t.Helper()
	ca, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	if caFile, err = ca.WriteCA(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return ca, caFile
}

func pair(t *testing.T, ca *muxtest.Authority, name string) (certFile, keyFile string) {
	t.Helper()
	cert, err := ca.Issue(name)
	if err != nil {
		t.Fatal(err)
	}
	if certFile, keyFile, err = muxtest.WritePair(t.TempDir(), cert); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile
}
