package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	jwtlib "github.com/golang-jwt/jwt/v4"
)

// The lifetimes of what makeCertificates makes.
const (
	authorityLife   = 365 * 24 * time.Hour
	certificateLife = 24 * time.Hour
)

// makeCertificates writes an authority, a certificate for each service and for the edge, and the
// keys of customers' tokens, to a folder. Where there is an authority it stays, and so do the
// customers' keys: the certificates are renewed.
func makeCertificates(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ca, caKey, err := authority(dir)
	if err != nil {
		return err
	}
	for _, service := range append([]string{edge}, services...) {
		if err := issue(filesOf(dir, service), hostOf(service), ca, caKey); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filesOf(dir, edge).customers); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if err := writeKey(customersKey(dir), private); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	return writePEM(filesOf(dir, edge).customers, "PUBLIC KEY", der)
}

// authority reads the one of a folder, or makes it.
func authority(dir string) (*x509.Certificate, crypto.Signer, error) {
	certificate, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	text, err := os.ReadFile(certificate)
	if err == nil {
		key, err := readKey(keyFile)
		if err != nil {
			return nil, nil, err
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, nil, fmt.Errorf("%s: no certificate", certificate)
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		return ca, key, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := valid("shop's authority", authorityLife)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	return ca, key, errors.Join(writeKey(keyFile, key), writePEM(certificate, "CERTIFICATE", der))
}

// issue writes a certificate for a host and its key. Between the two a reader finds a pair that does
// not fit, and keeps the one that it had.
func issue(to files, host string, ca *x509.Certificate, caKey crypto.Signer) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := valid(host, certificateLife)
	template.DNSNames, template.KeyUsage = []string{host}, x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	return errors.Join(writeKey(to.key, key), writePEM(to.certificate, "CERTIFICATE", der))
}

// valid is a certificate of a name, from a minute ago on: clocks differ.
func valid(name string, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(life)}
}

func writeKey(name string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(name, "PRIVATE KEY", der)
}

func writePEM(name, kind string, der []byte) error {
	return replace(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func readKey(name string) (crypto.Signer, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no key", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err == nil && !ok {
		err = errors.New("a key that signs nothing")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return signer, nil
}

func readCustomersKey(name string) (crypto.PublicKey, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	key, err := jwtlib.ParseEdPublicKeyFromPEM(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// tokenFor is a customer's token. key is the customers' private one.
func tokenFor(customer string, expires time.Time, key crypto.Signer) (string, error) {
	claims := jwtlib.RegisteredClaims{Subject: customer, ExpiresAt: jwtlib.NewNumericDate(expires)}
	return jwtlib.NewWithClaims(jwtlib.SigningMethodEdDSA, claims).SignedString(key)
}

// printToken writes a line with a customer's token to out.
func printToken(out io.Writer, dir, customer string, life time.Duration) error {
	key, err := readKey(customersKey(dir))
	if err != nil {
		return err
	}
	token, err := tokenFor(customer, time.Now().Add(life), key)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, token)
	return err
}
