package running_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/baton-relay/baton/client"
)

// TestContainerFetchesKeys has a relay in the container check tokens by a key
// set that it fetches over https, which is what the certificate authorities in
// there are for. With others than the key set's, nobody gets in.
func TestContainerFetchesKeys(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"k","x":%q}]}`,
		base64.RawURLEncoding.EncodeToString(public))
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(set))
	}))
	t.Cleanup(keys.Close)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"sub": "alice", "aud": "board", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"docs": map[string][]string{"*": {"read", "write", "presence"}},
	})
	token.Header["kid"] = "k"
	signed, err := token.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}

	for _, known := range []bool{true, false} {
		c := newContainer(t)
		if known {
			authorities := filepath.Join(c.root, "/etc/ssl/certs/ca-certificates.crt")
			writeFile(t, authorities, readFile(t, authorities)+
				string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: keys.Certificate().Raw})))
		}
		port := freePort(t)
		for i, v := range c.env {
			c.env[i] = strings.ReplaceAll(v, ":8080", ":"+port)
		}
		relay := run(t, c.command("serve", "--jwks", keys.URL, "--jwt-audience", "board"))
		relay.awaitReady(t, "127.0.0.1:"+port)
		var conn *client.Conn
		enters := func() bool {
			conn, err = client.Dial(t.Context(), "ws://127.0.0.1:"+port, client.Options{Token: signed})
			return err == nil
		}
		if known {
			await(t, "the key set to be read", enters)
			appendOp(t, enter(t, conn, "keys"), "1")
			conn.Close()
			continue
		}
		await(t, "the relay to say that it knows no such authority", func() bool {
			return strings.Contains(relay.said.String(), "certificate signed by unknown authority")
		})
		if enters() {
			t.Error("a token was taken that nobody could check")
			conn.Close()
		}
	}
}
