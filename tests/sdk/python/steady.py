"""What a program does all day with google-genai or openai (SDK), through the gate at BASE_URL with the key in API_KEY.

It asks again and again, whole and streamed in turn, until its input ends, and tries nothing twice. For each answer it
prints `served REQUEST_ID TEXT`, for anything else `failed WHY`.
"""

import os
import sys
import threading
import time

BASE_URL = os.environ["BASE_URL"]
API_KEY = os.environ["API_KEY"]
MODEL = "gemini-3.5-flash"
PROMPT = "Which key are you served with?"
NAME = "x-gatehouse-request-id"

# Between two requests, in seconds: steady, and no flood, since the emulated queue is slow with thousands of records.
PAUSE = 0.4


def google():
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=API_KEY, http_options=types.HttpOptions(base_url=BASE_URL, timeout=60_000))

    def whole():
        response = client.models.generate_content(model=MODEL, contents=PROMPT)
        return response.sdk_http_response.headers[NAME], response.text

    def streamed():
        chunks = list(client.models.generate_content_stream(model=MODEL, contents=PROMPT))
        return chunks[0].sdk_http_response.headers[NAME], "".join(chunk.text or "" for chunk in chunks)

    return whole, streamed


def openai():
    from openai import OpenAI

    client = OpenAI(api_key=API_KEY, base_url=BASE_URL + "/v1", max_retries=0, timeout=60)
    ask = client.chat.completions.with_raw_response.create
    messages = [{"role": "user", "content": PROMPT}]

    def whole():
        raw = ask(model=MODEL, messages=messages)
        return raw.headers[NAME], raw.parse().choices[0].message.content

    def streamed():
        raw = ask(model=MODEL, messages=messages, stream=True)
        deltas = [choice.delta.content or "" for chunk in raw.parse() for choice in chunk.choices]
        return raw.headers[NAME], "".join(deltas)

    return whole, streamed


def main():
    ways = {"google": google, "openai": openai}[os.environ["SDK"]]()
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.is_set():
        for way in ways:
            try:
                request, text = way()
                print("served", request, text, flush=True)
            except Exception as error:  # Whatever it is, it is what a user would have felt.
                print("failed", way.__name__, repr(error).replace("\n", " "), flush=True)
            time.sleep(PAUSE)


main()
