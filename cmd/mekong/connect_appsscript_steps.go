package main

import (
	"fmt"
	"io"
)

// scriptSteps says how the script gets into a spreadsheet; deployments/appsscript has
// the same at length. A secret that was made for it is shown here, for the person who
// has to put it into the script.
func scriptSteps(w io.Writer, secret string, made bool) {
	value := "the secret you have just given"
	if made {
		value = secret
	}
	fmt.Fprintf(w, `
The script, once, as the account in whose name rows are to be written:

  1  Open the spreadsheet. Extensions → Apps Script (Tiện ích mở rộng → Apps Script).
     Paste all that   mekong connect appsscript --script   prints over what is in Code.gs, and save.
  2  Gear Project Settings → Script Properties (Cài đặt dự án → Thuộc tính tập lệnh), add and save:

       MEKONG_SECRET   %s

  3  Deploy → New deployment → gear, Web app (Triển khai → Tuỳ chọn triển khai mới → Ứng dụng web):
       Execute as       Me (Tôi)
       Who has access   Anyone (Bất kỳ ai), not "Anyone with Google account"
     Deploy, and authorize it: Advanced → Go to … (Nâng cao → Chuyển tới …), Allow (Cho phép).
  4  Copy the Web app URL (URL của ứng dụng web). It ends in /exec.
`, value)
}
