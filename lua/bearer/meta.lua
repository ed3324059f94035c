---@meta bearer
-- Types for editors that know LuaCATS (lua-language-server and its like). Nothing here is run.
-- luacheck: ignore 212 241

---@class bearer
---@field _VERSION string
local bearer = {}

---A definition: see the README. `inputs` and `login` describe the endpoint.
---@class bearer.definition
---@field name string
---@field title? string
---@field docs? string
---@field extends? string
---@field inputs? table<string, bearer.input>
---@field one_of? string[][]
---@field base_url? bearer.text
---@field hosts? string[] others that the token may be sent to: host, or host:port
---@field login? bearer.step|bearer.step[]|false
---@field token? table
---@field refresh? bearer.step|bearer.step[]|false
---@field logout? bearer.step|bearer.step[]|false
---@field authorize? table|false
---@field error? table

---@class bearer.input
---@field kind? "text"|"host"|"label"|"path"|"url"|"pem"|"jwk"
---@field secret? boolean
---@field optional? boolean
---@field default? string|number|boolean
---@field enum? (string|number)[]
---@field join? string

---A text with `${name}` in it, what needs none, a function, or a list of these.
---@alias bearer.text string|number|boolean|fun(v: table, f: table): any|table

---@class bearer.step
---@field method? "GET"|"HEAD"|"POST"|"PUT"|"PATCH"|"DELETE"|"OPTIONS"
---@field url? bearer.text
---@field query? table<string, bearer.text>
---@field headers? table<string, bearer.text>
---@field basic? table
---@field bearer? bearer.text|false
---@field json? any
---@field form? table<string, bearer.text>|false
---@field body? bearer.text
---@field content_type? bearer.text
---@field expect? table<string, any>|fun(answer: any): any, string?, string?
---@field keep? table<string, string|string[]>
---@field prolongs? boolean of a refresh: the old token lives on
---@field revokes? boolean of a refresh: the old token dies with it

---@class bearer.options
---@field timeout? number seconds for a whole login with its retries (30)
---@field connect_timeout? number seconds (5)
---@field retries? integer (2)
---@field ca_file? string path, looked at when the login is made
---@field ca_pem? string|bearer.reference
---@field cert? string|bearer.reference path, PEM or PKCS#12
---@field key? string|bearer.reference path or PEM
---@field key_password? string|bearer.reference
---@field proxy? string
---@field user_agent? string
---@field max_response? integer bytes (1 MiB)
---@field allow_http? boolean loopback is always allowed
---@field allow_hosts? string[] others that calls may take the token to: host, or host:port
---@field leeway? number seconds
---@field refused? fun(response: bearer.response): boolean
---@field on_event? fun(event: bearer.event)
---@field transport? fun(message: bearer.message, send: bearer.send): table?, string?, bearer.error?

---For metrics; which has which: the README.
---@class bearer.event
---@field event "login"|"refresh"|"failure"|"held"|"odd"
---@field provider string
---@field logins integer
---@field refreshes integer
---@field failures integer
---@field refused integer
---@field duration? number seconds
---@field generation? integer
---@field expires_in? number
---@field step? "login"|"refresh"
---@field class? "terminal"|"throttled"|"transient"
---@field code? string
---@field hold? number seconds
---@field field? string of an odd one: "expires_in", "expires_at", "issued_at", "refresh_expires_in"
---@field found? string what stands there: "a text", "a number", never the value

---The built-in transport, with a login's own certificates, proxy and limits.
---@alias bearer.send fun(message: bearer.message): bearer.response?, string?, bearer.error?

---What a transport is asked to send.
---@class bearer.message
---@field method string
---@field url string
---@field headers table<string, string>
---@field body? string
---@field timeout number

---The caller's own request.
---@class bearer.request
---@field url string
---@field method? string
---@field headers? table<string, string|number|boolean>
---@field query? table<string, any>
---@field json? any
---@field form? table<string, any>
---@field body? string
---@field timeout? number seconds; the login's, when it is left out

---@class bearer.response
---@field status integer
---@field headers table<string, string> names in lower case
---@field body string
---@field json fun(): any

---@class bearer.driver
---@field wait fun(seconds: number, job?: table)

---A secret that is read when a login is sent.
---@class bearer.reference: userdata

---@class bearer.provider: userdata

---@class bearer.error: userdata
---@field message string the sentence, as `tostring` gives it
---@field code string
---@field class "terminal"|"throttled"|"transient"|"closed"
---@field status? integer
---@field provider string
---@field step "login"|"refresh"|"request"|"logout"
---@field description? string
---@field request? string method and URL without query
---@field retry_after? number
---@field held? boolean true when nothing was asked this time
---@field details? table

---@class bearer.status
---@field state "none"|"fresh"|"advisory"|"mandatory"|"expired"|"closed"
---@field expires_in? number
---@field generation integer
---@field logins integer
---@field refreshes integer
---@field failures integer
---@field refused integer
---@field hold? number
---@field last_error? bearer.error

---A login. Nothing goes over the network here.
---@param provider string|bearer.definition|bearer.provider
---@param inputs table<string, any>
---@param options? bearer.options
---@return bearer.login
function bearer.login(provider, inputs, options) end

---Options of all logins made from now on; none: bearer's own again.
---@param options? bearer.options
function bearer.defaults(options) end

---A checked, compiled definition; raises with every fault of a bad one.
---@param given string|bearer.definition|bearer.provider
---@return bearer.provider
function bearer.provider(given) end

---The names of the providers found on `package.path`.
---@return string[]
function bearer.providers() end

---A secret in an environment variable.
---@param name string
---@return bearer.reference
function bearer.env(name) end

---A secret in a file; its last newline is dropped. With `json`: one field of a JSON file.
---@param path string
---@param options? { json: string }
---@return bearer.reference
function bearer.file(path, options) end

---Set how this host waits.
---@param driver "blocking"|"resty"|"cqueues"|"luv"|"manual"|bearer.driver
function bearer.use(driver) end

---Advance every transfer of this Lua state.
---@param max_ms? number
---@return integer under_way
function bearer.poll(max_ms) end

---The descriptor to watch for reading.
---@return integer?
function bearer.fd() end

---Milliseconds until `poll` is due.
---@return number?
function bearer.timeout() end

---Send a request without any login, by the options of `bearer.defaults`.
---@param request bearer.request
---@return bearer.response?
---@return string? message
---@return bearer.error?
function bearer.transport(request) end

---Told what there is no caller to tell, and of slips in definitions. May be replaced.
---@param text string
function bearer.warn(text) end

---Start these logins ahead.
---@param ... bearer.login
function bearer.prewarm(...) end

---@class bearer.login: userdata
local login = {}

---@return bearer.token?
---@return string? message
---@return bearer.error?
function login:token() end

---@return string? name
---@return string value or the sentence
---@return bearer.error?
function login:header() end

---@param t? table<string, string>
---@return table<string, string>?
---@return string? message
---@return bearer.error?
function login:headers(t) end

---@generic T: table
---@param request T
---@return T?
---@return string? message
---@return bearer.error?
function login:authorize(request) end

---@param request bearer.request
---@return bearer.response?
---@return string? message
---@return bearer.error?
function login:request(request) end

---@param rejected? bearer.token
---@return bearer.token?
---@return string? message
---@return bearer.error?
function login:refresh(rejected) end

---This token, or the value of its header, was refused: drop it and begin a renewal.
---@param rejected bearer.token|string
---@return boolean dropped
function login:reject(rejected) end

---@return true?
---@return string? message
---@return bearer.error?
function login:logout() end

function login:forget() end

function login:reset() end

---@return bearer.status
function login:status() end

function login:close() end

---@class bearer.token: userdata
local token = {}

---@return string? name
---@return string value or the sentence
---@return bearer.error?
function token:header() end

---@param t? table<string, string>
---@return table<string, string>?
---@return string? message
---@return bearer.error?
function token:headers(t) end

---@generic T: table
---@param request T
---@return T?
---@return string? message
---@return bearer.error?
function token:authorize(request) end

---@return bearer.token?
---@return string? message
---@return bearer.error?
function token:refresh() end

---@return string
function token:value() end

---@return string
function token:type() end

---@return string?
function token:scope() end

---@return number? seconds
function token:expires_in() end

---@return number? unix_time
function token:expires_at() end

---@param leeway? number
---@return boolean
function token:expired(leeway) end

---@return table? claims
function token:claims() end

---@param name string
---@return any
function token:get(name) end

---@return integer
function token:generation() end

return bearer
