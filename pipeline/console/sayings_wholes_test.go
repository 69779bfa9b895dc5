package console

// wholes are texts as they come, made of several sentences, or of parts that are put
// together where the reader of the sources does not follow.
var wholes = []struct{ en, vi string }{
	// What a sink is held for.
	{
		`lark: record.batch_create: this identity has no permission on the document (code 91403, log id 20261124ABC); add the app to the Base: … → More → Add document app, "can edit"`,
		`lark: record.batch_create: ứng dụng hoặc người này không có quyền trên tài liệu (mã 91403, log id 20261124ABC); hãy thêm ứng dụng vào Base: … → More (thêm) → Add document app (thêm ứng dụng), "can edit" (có thể chỉnh sửa)`,
	},
	{
		`lark: tenant_token: the app lacks a scope (code 99991672, needs bitable:app or base:record:create); tick the scope bitable:app on the app and release a version`,
		`lark: tenant_token: ứng dụng thiếu một quyền (scope) (mã 99991672, cần bitable:app hoặc base:record:create); hãy tích quyền (scope) bitable:app cho ứng dụng rồi phát hành một phiên bản`,
	},
	{`lark: record.search: refused (HTTP 403)`, `lark: record.search: bị từ chối (HTTP 403)`},
	{`lark: record.search: no answer in time`, `lark: record.search: không có trả lời kịp thời`},
	{
		`lark: wiki.get_node: the wiki page is no Base but of type docx`,
		`lark: wiki.get_node: trang wiki không phải là Base mà thuộc loại docx`,
	},
	{
		`lark: record.batch_create: a parameter of the request was disliked (code 99992402, see page_size, see x)`,
		`lark: record.batch_create: nền tảng không nhận một tham số của yêu cầu (mã 99992402, xem page_size, xem x)`,
	},
	{
		`larkbase: the table has no column for "Ngân sách; dự kiến", "Họ: tên"; make it again in the table under that name, or change columns; with create_columns: true it is made by itself`,
		`larkbase: bảng không có cột cho "Ngân sách; dự kiến", "Họ: tên"; hãy tạo lại cột trong bảng với tên đó, hoặc sửa columns; với create_columns: true thì cột được tự tạo`,
	},
	{
		`larkbase: another process writes to this Base, and the platform takes one write at a time; its turn comes`,
		`larkbase: một tiến trình khác đang ghi vào Base này, mà nền tảng chỉ nhận từng lần ghi một; sẽ tới lượt`,
	},
	{
		`sheets: the spreadsheet is not shared with the account that writes (HTTP 403); share it with the account as an editor`,
		`sheets: bảng tính chưa được chia sẻ với tài khoản dùng để ghi (HTTP 403); hãy chia sẻ bảng tính với tài khoản đó làm Người chỉnh sửa (Editor)`,
	},
	{
		`sheets: there is no access token: google: the service account does not exist any more (invalid_grant: account not found)`,
		`sheets: không có token truy cập: google: tài khoản dịch vụ không còn nữa (invalid_grant: account not found)`,
	},
	{
		`somebody has to sign in again: the sign-in was revoked (2026-11-24T03:42:07Z): lark: user_token: the refresh token was revoked (code 20064)`,
		`cần có người đăng nhập lại: lần đăng nhập đã bị thu hồi (2026-11-24T03:42:07Z): lark: user_token: refresh token đã bị thu hồi (mã 20064)`,
	},
	{
		`appsscript: another run of the script is at work; nothing needs to be done unless it goes on; then look under Executions (Lượt thực thi) in the script`,
		`appsscript: một lượt chạy khác của tập lệnh đang làm việc; không cần làm gì trừ khi cứ kéo dài; khi đó hãy xem mục Lượt thực thi (Executions) của tập lệnh`,
	},
	{
		`mongodb: the server cannot be reached: connection refused`,
		`mongodb: không tới được máy chủ: connection refused`,
	},
	{
		`webhook: crm.example answers 404: there is nothing at the address: copy url again from the receiver`,
		`webhook: crm.example trả lời 404: ở địa chỉ này không có gì: hãy chép lại url từ bên nhận`,
	},
	{
		`larkchat: custom bot: it refused the signature (code 19021): set secret to the one on the bot's page, and see that this machine's clock is right to the minute`,
		`larkchat: bot tùy chỉnh: bot không nhận chữ ký (mã 19021): hãy đặt secret đúng như trên trang của bot, và kiểm tra đồng hồ máy này đúng đến từng phút`,
	},
	{
		`held by an since 2026-11-24T03:42:07Z: đang dọn bảng`,
		`an tạm dừng từ 2026-11-24T03:42:07Z: đang dọn bảng`,
	},
	{
		`lark: wiki.get_node: the wiki page is no Base`,
		`lark: wiki.get_node: trang wiki không phải là Base`,
	},
	{
		`lark: tenant_token: the user has not granted a scope (code 99991679, needs im:message)`,
		`lark: tenant_token: người dùng chưa cấp một quyền (scope) (mã 99991679, cần im:message)`,
	},
	{
		`lark: tenant_token: the user has not granted a scope (needs a:b or c:d or e:f)`,
		`lark: tenant_token: người dùng chưa cấp một quyền (scope) (cần a:b hoặc c:d hoặc e:f)`,
	},
	// What a record is buried for, one and many.
	{
		`given up after 5 tries: lark: record.batch_create: an error that is not known here: SomethingNew (code 1259999)`,
		`đã thôi sau 5 lần thử: lark: record.batch_create: lỗi mà Mekong chưa biết: SomethingNew (mã 1259999)`,
	},
	{
		`given up after … tries: mongodb: the driver failed with a *errors.errorString`,
		`đã thôi sau … lần thử: mongodb: trình điều khiển lỗi với *errors.errorString`,
	},
	{
		`lark: record.batch_create: a value does not fit a number column (code …, log id …ABC…)`,
		`lark: record.batch_create: một giá trị không ghi được vào cột số (mã …, log id …ABC…)`,
	},
	{
		`larkchat: the group's … messages a second are used up`,
		`larkchat: đã dùng hết … tin nhắn mỗi giây của nhóm`,
	},
	{
		`mongodb: DuplicateKey (11000): another document has the same phone`,
		`mongodb: DuplicateKey (11000): đã có document khác cùng phone`,
	},
	{
		`mongodb: DocumentValidationFailure (121): see fields.phone`,
		`mongodb: DocumentValidationFailure (121): xem fields.phone`,
	},
	{
		`the rule sinks.crm.where failed: the expression could not be evaluated for this record`,
		`luật sinks.crm.where bị lỗi: không tính được biểu thức cho bản ghi này`,
	},
	// What the doctor finds.
	{
		`base.get: the Base is being copied (code 1254036). A column was renamed or deleted, the name differs by a space or line break at its end, or advanced permissions hide the column`,
		`base.get: Base đang được sao chép (mã 1254036). Một cột đã bị đổi tên hoặc xóa, tên khác nhau ở dấu cách hay dấu xuống dòng cuối tên, hoặc quyền nâng cao che mất cột`,
	},
	{
		`the column "Ngân sách" takes only a number: change its type in the table, or map another field to it: https://example.larksuite.com/base/HTJ6b?table=tbl1`,
		`cột "Ngân sách" chỉ nhận số: hãy đổi kiểu cột trong bảng, hoặc ánh xạ trường khác vào cột này: https://example.larksuite.com/base/HTJ6b?table=tbl1`,
	},
	{
		`the column "Ngân sách" is of type single select, and the sink keeps text in it → change its type to Text, rename it, or choose another key_column: the Base`,
		`cột "Ngân sách" có kiểu một lựa chọn, trong khi đích lưu văn bản ở đó → hãy đổi kiểu thành Text (văn bản), đổi tên cột, hoặc chọn key_column khác: Base`,
	},
	{
		`a row was written, and could not be removed: wiki.get_node: the wiki failed (code 131001)`,
		`đã ghi một dòng nhưng không xóa đi được: wiki.get_node: wiki gặp lỗi (mã 131001)`,
	},
	{
		`signs in as sheets@lead.iam.gserviceaccount.com, by its key; the token ends 15:04 UTC and is replaced by itself`,
		`đăng nhập là sheets@lead.iam.gserviceaccount.com, bằng khóa của tài khoản; token hết hạn lúc 15:04 UTC và tự được thay`,
	},
	{
		`signed in; the access token ends 2026-11-24 03:42 UTC and is renewed by itself, at the latest by at an unknown time`,
		`đã đăng nhập; token truy cập hết hạn 2026-11-24 03:42 UTC và tự được gia hạn, chậm nhất là vào lúc nào không rõ`,
	},
	{
		`the credentials file /run/secrets/google.json cannot be read: it is not there`,
		`không đọc được tệp thông tin đăng nhập /run/secrets/google.json: tệp không có ở đó`,
	},
	{
		`9.9 GiB of 100.0 GiB are free, and 10.0 GiB are kept in reserve: deliveries are refused`,
		`còn trống 9.9 GiB trong 100.0 GiB, mà phải để dành 10.0 GiB: lead đang bị từ chối`,
	},
	{
		`another mekong is running on the data folder /var/lib/mekong; stop it, or give this one its own data_dir`,
		`một mekong khác đang chạy trên thư mục dữ liệu /var/lib/mekong; hãy dừng nó, hoặc cho mekong này data_dir riêng`,
	},
	{
		`fields go to the columns of their names, which are made where they are not there; so far: name → "Họ tên", phone → "Số điện thoại"`,
		`các trường được ghi vào cột cùng tên, cột nào chưa có thì được tạo; đến giờ: name → "Họ tên", phone → "Số điện thoại"`,
	},
	{
		`make it in row 1, correct the name, or set create_columns: true: https://docs.google.com/spreadsheets/d/1AbC/edit`,
		`hãy tạo ở dòng 1, sửa tên, hoặc đặt create_columns: true: https://docs.google.com/spreadsheets/d/1AbC/edit`,
	},
	{
		`enable im:message or im:chat on the app: the developer console. Then create a version and release it (an administrator may have to approve): ticking alone changes nothing. Then sign in again: mekong login lark crm`,
		`hãy bật im:message hoặc im:chat cho ứng dụng: Developer Console. Sau đó tạo một phiên bản và phát hành (có thể quản trị viên phải duyệt): chỉ tích thôi thì chưa có tác dụng. Rồi đăng nhập lại: mekong login lark crm`,
	},
	{
		`tick a:b or c:d or e:f (bitable:app covers everything here): https://open.larksuite.com/app/cli_a1/auth. Then create a version and release it (an administrator may have to approve): ticking alone changes nothing. If it is released already, see whether the app was made on Feishu: then set brand accordingly`,
		`hãy tích a:b hoặc c:d hoặc e:f (bitable:app là đủ cho mọi việc ở đây): https://open.larksuite.com/app/cli_a1/auth. Sau đó tạo một phiên bản và phát hành (có thể quản trị viên phải duyệt): chỉ tích thôi thì chưa có tác dụng. Nếu đã phát hành rồi, xem ứng dụng có được tạo trên Feishu không: nếu có thì đặt brand theo đó`,
	},
	{
		`NATS is new enough and takes leads; each lead: fsync'd on 2 of 3 disks`,
		`NATS đủ mới và đang nhận lead; mỗi lead: đã ghi chắc (fsync) trên 2 trong 3 đĩa`,
	},
	{
		`the store is full: the data volume has 90 MiB free and 500 MiB are kept in reserve; free some space or lower nats.reserve`,
		`kho đã đầy: ổ chứa dữ liệu còn trống 90 MiB, mà phải để dành 500 MiB; hãy dọn bớt chỗ hoặc giảm nats.reserve`,
	},
	{`phone_invalid`, `số điện thoại không đúng`},
	{`phone_migrated`, `số 11 chữ số cũ, đã đổi sang đầu số mới`},
	{`email_invalid`, `e-mail không đúng`},
	{`email_suspect`, `e-mail có vẻ gõ nhầm`},
	{`email_filler`, `e-mail điền cho có`},
	{`missing_budget`, `thiếu budget`},
	{`a phone_invalid, junk`, `a phone_invalid, junk`},
	{`sink crm`, `đích crm`},
	{`source landing`, `nguồn landing`},
	{`machine`, `máy này`},
	{`notices`, `thông báo`},
	{`sources`, `các nguồn`},
	{`sinks`, `các đích`},
	{`complete`, `đã xong`},
	{`not complete: to be done again`, `chưa xong: phải làm lại`},
	{`context deadline exceeded`, `đã quá thời gian`},
	{`context canceled`, `đã bị hủy`},
	{
		`it has yet to write something of this person and does not get on; mekong doctor says why`,
		`đích còn phải ghi vài thứ của người này mà không tiến được; mekong doctor cho biết vì sao`,
	},
	{`a:b or c:d`, `a:b hoặc c:d`},
	{`a:b or c:d or e:f`, `a:b hoặc c:d hoặc e:f`},
	// What is not known, and what looks like a sentence and is somebody's text.
	{`field not found: Ngân sách`, `field not found: Ngân sách`},
	{`số, machine, text, refused`, `số, machine, text, refused`},
	{``, ``},
}
