package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"mekong/sinks/lark"
	"mekong/sinks/lark/larksim"
)

// What the simulated tenant has. Everything in it is invented.
const (
	simAppID  = "cli_simulated"
	simSecret = "simulated-secret"
	simBase   = "bascnSimulated"
	simWiki   = "wikcnSimulated"
	simUser   = "ou_simulated"
)

func (c *cli) simCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run the simulated Lark alone: an app, a Base and a table to try things with",
		Long: `Sim runs a simulated Lark on this machine, with an app, and a Base with a table
of leads as Vietnamese teams have it. It keeps everything in memory until it is
stopped. The page it names shows the rows as they come in.`,
		Example: `  mekong sim
  mekong sim --addr 127.0.0.1:0     # any port that is free`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.sim(cmd.Context(), addr) },
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8090", "`address` to listen on")
	return cmd
}

func (c *cli) sim(ctx context.Context, addr string) error {
	l, err := listen(addr, "addr")
	if err != nil {
		return err
	}
	sim, table := simulatedLark()
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	base := "http://" + l.Addr().String()
	fmt.Fprintf(c.out, `Simulated Lark at %[1]s, until Ctrl-C. Nothing is kept.

  endpoint    %[1]s
  url         %[1]s/base/%[2]s?table=%[3]s
  or, a wiki  %[1]s/wiki/%[4]s?table=%[3]s
  app_id      %[5]s
  app_secret  %[6]s

  Look at it  %[1]s/sim

Connect a sink to it:
  LARK_APP_SECRET=%[6]s mekong connect lark '%[1]s/base/%[2]s?table=%[3]s' --endpoint %[1]s --app-id %[5]s
`, base, simBase, table, simWiki, simAppID, simSecret)
	select {
	case err := <-failed:
		return fmt.Errorf("the simulator stopped: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(end); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// simulatedLark is a tenant in which everything was done right.
func simulatedLark() (sim *larksim.Sim, tableID string) {
	sim = larksim.New(larksim.Options{RateLimits: true})
	sim.AddUser(larksim.User{OpenID: simUser, Name: "Người dùng thử", Email: "a@example.com"})
	sim.AddApp(larksim.App{
		ID: simAppID, Secret: simSecret, Name: "Mekong", Redirects: []string{lark.DefaultRedirect},
		Scopes: []string{"bitable:app", "wiki:wiki:readonly", "im:message:send_as_bot", "offline_access"},
	})
	sim.AddBase(simBase, "Bán hàng")
	tableID = sim.AddTable(simBase, "Khách hàng tiềm năng", leadColumns()...)
	sim.AddWikiNode(larksim.WikiNode{Token: simWiki, ObjType: "bitable", ObjToken: simBase, Title: "Bán hàng"})
	sim.Grant(simAppID, simBase, larksim.CanEdit)
	sim.Grant(simUser, simBase, larksim.CanManage)
	return sim, tableID
}

// leadColumns is a table of leads as a Vietnamese sales team has it.
func leadColumns() []larksim.Field {
	return []larksim.Field{
		{Name: "Họ và tên", Type: larksim.Text},
		{Name: "Số điện thoại", Type: larksim.Phone},
		{Name: "Email", Type: larksim.Text},
		{Name: "Khóa học", Type: larksim.SingleSelect, Options: []string{"IELTS", "TOEIC"}},
		{Name: "Nguồn", Type: larksim.SingleSelect, Options: []string{"Facebook", "Google"}},
		{Name: "UTM Source", Type: larksim.Text},
		{Name: "UTM Campaign", Type: larksim.Text},
		{Name: "Link trang", Type: larksim.URL},
		{Name: "Ngày nhận", Type: larksim.DateTime, Property: map[string]any{"date_formatter": "yyyy/MM/dd HH:mm", "auto_fill": false}},
		{Name: "Ghi chú", Type: larksim.Text},
		{Name: "Đã gọi", Type: larksim.Checkbox},
	}
}
