// Logs in with an X.509-SVID through github.com/spiffe/go-spiffe, as workloads of SPIFFE do, and prints the entity of the
// token. Arguments: the address of the server, its authority, and the SVID and its key, all PEM files.
package main

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

func done(err error) {
	if err != nil {
		fmt.Println("FAILED", err)
		os.Exit(1)
	}
}

func main() {
	address, authority, certificate, key := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	svid, err := x509svid.Load(certificate, key)
	done(err)
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(authority)
	done(err)
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: tlsconfig.MTLSWebClientConfig(svid, roots)}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	response, err := client.Post(address+"/v1/auth/cert/login", "application/json", nil)
	done(err)
	defer response.Body.Close()
	var reply struct {
		Auth *struct {
			Policies []string          `json:"policies"`
			Metadata map[string]string `json:"metadata"`
		} `json:"auth"`
		Errors []string `json:"errors"`
	}
	done(json.NewDecoder(response.Body).Decode(&reply))
	if reply.Auth == nil {
		fmt.Println(response.StatusCode, svid.ID, reply.Errors)
		return
	}
	fmt.Println(response.StatusCode, svid.ID, reply.Auth.Metadata["cert_name"], reply.Auth.Policies)
}
