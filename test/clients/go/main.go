// Uses a server through github.com/hashicorp/vault/api as applications do. It prints one line for each part that
// works and ends with status 1 at the first that does not. VAULT_ADDR and VAULT_TOKEN say where and as whom.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	vault "github.com/hashicorp/vault/api"
)

var ctx = context.Background()

// want ends the program unless got is what was wanted.
func want(what string, got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		fail(what, fmt.Errorf("got %v, wanted %v", got, wanted))
	}
}

func must[T any](value T, err error) T {
	done(err)
	return value
}

func done(err error) {
	if err != nil {
		fail("unexpected", err)
	}
}

func fail(what string, err error) {
	fmt.Printf("FAILED %s: %v\n", what, err)
	os.Exit(1)
}

func status(err error) int {
	var response *vault.ResponseError
	if errors.As(err, &response) {
		return response.StatusCode
	}
	return 0
}

func logical(client *vault.Client) {
	done(client.Sys().Mount("go-plain", &vault.MountInput{Type: "kv", Options: map[string]string{"version": "1"}}))
	must(client.Logical().Write("go-plain/a/b", map[string]any{"user": "ann", "ttl": "90s"}))
	read := must(client.Logical().Read("go-plain/a/b"))
	want("read", read.Data["user"], "ann")
	want("lease_duration", read.LeaseDuration, 90)
	want("list", must(client.Logical().List("go-plain")).Data["keys"], []any{"a/"})
	must(client.Logical().Delete("go-plain/a/b"))
	want("read of nothing", must(client.Logical().Read("go-plain/a/b")) == nil, true)
	want("list of nothing", must(client.Logical().List("go-plain")) == nil, true)
	done(client.Sys().Unmount("go-plain"))
}

func plain(client *vault.Client) {
	done(client.Sys().Mount("go-v1", &vault.MountInput{Type: "kv"}))
	kv := client.KVv1("go-v1")
	done(kv.Put(ctx, "ключ/a b", map[string]any{"n": 1}))
	want("number", fmt.Sprint(must(kv.Get(ctx, "ключ/a b")).Data["n"]), "1")
	done(kv.Delete(ctx, "ключ/a b"))
	_, err := kv.Get(ctx, "ключ/a b")
	want("gone", errors.Is(err, vault.ErrSecretNotFound), true)
	done(client.Sys().TuneMount("go-v1", vault.MountConfigInput{Options: map[string]string{"version": "2"}}))
	must(client.KVv2("go-v1").Put(ctx, "x", map[string]any{"a": "b"}))
	done(client.Sys().Unmount("go-v1"))
}

func versioned(client *vault.Client) {
	kv := client.KVv2("secret")
	want("first", must(kv.Put(ctx, "go/app", map[string]any{"a": "1"})).VersionMetadata.Version, 1)
	must(kv.Put(ctx, "go/app", map[string]any{"a": "2", "b": "2"}, vault.WithCheckAndSet(1)))
	_, err := kv.Put(ctx, "go/app", map[string]any{}, vault.WithCheckAndSet(1))
	want("stale check-and-set", status(err), 400)
	must(kv.Patch(ctx, "go/app", map[string]any{"b": "3"}))
	must(kv.Patch(ctx, "go/app", map[string]any{"c": "4"}, vault.WithMergeMethod("rw")))
	want("merged", must(kv.Get(ctx, "go/app")).Data, map[string]any{"a": "2", "b": "3", "c": "4"})
	want("version", must(kv.GetVersion(ctx, "go/app", 1)).Data, map[string]any{"a": "1"})
	done(kv.Delete(ctx, "go/app"))
	gone := must(kv.Get(ctx, "go/app"))
	want("deleted", gone.Data == nil && !gone.VersionMetadata.DeletionTime.IsZero(), true)
	done(kv.Undelete(ctx, "go/app", []int{4}))
	done(kv.DeleteVersions(ctx, "go/app", []int{2}))
	done(kv.Destroy(ctx, "go/app", []int{3}))
	versions := must(kv.GetVersionsAsList(ctx, "go/app"))
	want("versions", len(versions), 4)
	want("destroyed", versions[2].Destroyed, true)
	want("rolled back", must(kv.Rollback(ctx, "go/app", 1)).VersionMetadata.Version, 5)
	done(kv.PutMetadata(ctx, "go/app", vault.KVMetadataPutInput{MaxVersions: 3, CustomMetadata: map[string]any{"team": "a"}}))
	limit := 4
	done(kv.PatchMetadata(ctx, "go/app", vault.KVMetadataPatchInput{MaxVersions: &limit, CustomMetadata: map[string]any{"owner": "b"}}))
	metadata := must(kv.GetMetadata(ctx, "go/app"))
	want("metadata", metadata.CustomMetadata, map[string]any{"team": "a", "owner": "b"})
	want("max_versions", metadata.MaxVersions, 4)
	done(kv.DeleteMetadata(ctx, "go/app"))
	_, err = kv.Get(ctx, "go/app")
	want("gone", errors.Is(err, vault.ErrSecretNotFound), true)
}

func wrapping(client *vault.Client) {
	must(client.KVv2("secret").Put(ctx, "go/wrapped", map[string]any{"password": "p"}))
	wrapper := must(client.Clone())
	wrapper.SetToken(client.Token())
	wrapper.SetWrappingLookupFunc(func(_, _ string) string { return "5m" })
	info := must(wrapper.Logical().Read("secret/data/go/wrapped")).WrapInfo
	want("ttl", info.TTL, 300)
	looked := must(client.Logical().Write("sys/wrapping/lookup", map[string]any{"token": info.Token}))
	want("creation path", looked.Data["creation_path"], "secret/data/go/wrapped")
	opened := must(client.Logical().Unwrap(info.Token))
	want("content", opened.Data["data"], map[string]any{"password": "p"})
	_, err := client.Logical().Unwrap(info.Token)
	want("once only", status(err), 400)
	own := must(wrapper.Auth().Token().Create(&vault.TokenCreateRequest{Policies: []string{"default"}, TTL: "1h"}))
	stranger := must(client.Clone())
	stranger.SetToken(own.WrapInfo.Token)
	token := must(stranger.Logical().Unwrap("")).Auth.ClientToken
	stranger.SetToken(token)
	want("a wrapped token", must(stranger.Auth().Token().LookupSelf()).Data["policies"], []any{"default"})
}

// watcher takes the whole life of a token, 8 seconds.
func watcher(client *vault.Client) {
	renewable := true
	request := vault.TokenCreateRequest{Policies: []string{"default"}, TTL: "6s", ExplicitMaxTTL: "10s", Renewable: &renewable}
	made := must(client.Auth().Token().Create(&request))
	own := must(client.Clone())
	own.SetToken(made.Auth.ClientToken)
	life := must(own.NewLifetimeWatcher(&vault.LifetimeWatcherInput{Secret: made, RenewBehavior: vault.RenewBehaviorErrorOnErrors}))
	go life.Start()
	defer life.Stop()
	renewals := 0
	for deadline := time.After(20 * time.Second); ; {
		select {
		case <-life.RenewCh():
			renewals++
		case err := <-life.DoneCh():
			done(err)
			want("renewed before its end", renewals >= 1, true)
			return
		case <-deadline:
			fail("watcher", errors.New("still going after the longest life of its token"))
		}
	}
}

func system(client *vault.Client) {
	want("health", must(client.Sys().Health()).Initialized, true)
	done(client.Sys().PutPolicy("go-app", `path "secret/data/go/*" { capabilities = ["read"] }`))
	want("policy", strings.Contains(must(client.Sys().GetPolicy("go-app")), "secret/data/go/*"), true)
	made := must(client.Auth().Token().Create(&vault.TokenCreateRequest{Policies: []string{"go-app"}, TTL: "1h"}))
	capabilities := must(client.Sys().Capabilities(made.Auth.ClientToken, "secret/data/go/x"))
	want("capabilities", capabilities, []string{"read"})
	leases := must(client.Logical().List("sys/leases/lookup/auth/token/create")).Data["keys"].([]any)
	want("leases", len(leases) > 0, true)
	done(client.Auth().Token().RevokeTree(made.Auth.ClientToken))
	_, err := client.Auth().Token().Lookup(made.Auth.ClientToken)
	want("revoked", status(err), 403)
	done(client.Sys().Mount("go-here", &vault.MountInput{Type: "transit"}))
	done(client.Sys().Remount("go-here", "go-there"))
	want("moved", must(client.Sys().GetMount("go-there")).Type, "transit")
	done(client.Sys().Unmount("go-there"))
}

func main() {
	client := must(vault.NewClient(vault.DefaultConfig()))
	watched := make(chan bool)
	go func() { watcher(client); close(watched) }()
	for _, part := range []struct {
		name string
		run  func(*vault.Client)
	}{
		{"read, write, list, delete", logical},
		{"KV version 1 helper", plain},
		{"KV version 2 helper", versioned},
		{"wrapping", wrapping},
		{"system", system},
	} {
		part.run(client)
		fmt.Println("ok " + part.name)
	}
	<-watched
	fmt.Println("ok lifetime watcher")
}
