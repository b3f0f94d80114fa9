"""The parts of nginx's configuration that are the same for all stacks, but for words in braces."""

from __future__ import annotations

STATIC = """\
worker_processes 4;
worker_shutdown_timeout 60s;
error_log stderr warn;
pid /tmp/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    server_tokens off;
    default_type application/json;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    variables_hash_max_size 8192;
    variables_hash_bucket_size 256;
    map_hash_bucket_size 256;

    # As servers do themselves: one that refuses and closes before all is sent would look as if it were gone.
    client_max_body_size 16000000;
    client_body_buffer_size 256k;
    client_header_timeout 15s;
    client_body_timeout 15s;
    send_timeout 30s;
    reset_timedout_connection on;
    {keep_alive}

    proxy_http_version 1.1;
    proxy_buffers 16 16k;
    proxy_connect_timeout 2s;
    proxy_read_timeout 30s;
    # A kept connection may end while a request is sent; an inference changes nothing, so it may be sent again.
    proxy_next_upstream error non_idempotent;
    error_page 502 504 =503 @silent;
    error_page 413 @large;

    map $http_x_request_id $airloop_id {
        "" $request_id;
        default $http_x_request_id;
    }
    map $request_uri $airloop_rest { ~^/-/[^/?]+(?<airloop_after>/.*)$ $airloop_after; }

"""

PUBLIC = """\
    server {
        listen 8080 backlog=2048;
        location = /v2/health/live { return 200 '{"live":true}'; }
        location = /v2/health/ready { return 200 '{"ready":true}'; }
        location / { return 404 '{"error":"no such model or path here. Try /v2/models/NAME/infer"}'; }
        {refusals}
"""

ADMINISTRATION = """\
    server {
        listen 8081;
        location = /-/ { return 200 '{"stack":"{stack}","configuration":"{name}"}'; }
{told}        location / { return 404 '{"error":"no such path here. Try /-/SERVER/v2/health/ready"}'; }
        location ~ "^/-/(?<airloop_server>[a-zA-Z0-9][a-zA-Z0-9_.-]*)/" {
            proxy_set_header Connection "";
            proxy_set_header X-Airloop-Shadow "";
            proxy_set_header X-Airloop-Compare "";
            proxy_set_header X-Airloop-Instead "";
            proxy_next_upstream off;
            proxy_read_timeout 150s;
            proxy_pass http://unix:/run/airloop/$airloop_server.sock:$airloop_rest;
        }
        {refusals}
    }
}
"""

UNREAD = "the body cannot be read: it is not sent as its headers say"
TOO_LARGE = "the body is larger than 16,000,000 bytes. Send fewer rows in a request"
REFUSALS = f"""\
location @silent {{ return 503 '{{"error":"no server of that name or model answers"}}'; }}
        location @unread {{ return 400 '{{"error":"{UNREAD}"}}'; }}
        location @large {{ return 413 '{{"error":"{TOO_LARGE}"}}'; }}
"""
