/** How a program uses a key, ready to be pasted. The secret itself is left out: it belongs in an environment variable,
    not in a shell's history or a file under version control. */

export interface Example {
  name: 'curl' | 'Python';
  code: string;
}

/** @param origin where this server is reached, e.g. `https://ai.example.org` */
export function keyExamples(origin: string, model: string): Example[] {
  return [
    {
      name: 'curl',
      code: `curl ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
    {
      name: 'Python',
      code: `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1")  # reads OPENAI_API_KEY
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
    },
  ];
}
