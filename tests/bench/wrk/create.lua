-- Makes the same task again and again: the body is the script's argument.
function init(args)
    wrk.method = "POST"
    wrk.body = args[1]
    wrk.headers["Content-Type"] = "application/json"
end
