package main

import (
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

	// Of the bot's events, as Events & Callbacks shows them.
	simVerify  = "simulated-verification"
	simEncrypt = "simulated-encrypt-key"
)

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
